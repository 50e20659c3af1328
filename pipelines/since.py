"""What `--since` leaves out of a listing: uploads that are older than a time, as earlier runs have looked at them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipelines.listing import is_folder
from screening.errors import ConfigError
from screening.records import Upload
from screening.tables import ResultTables

log = logging.getLogger(__name__)

LAST_RUN = "last-run"
MARGIN = timedelta(hours=1)  # by which clocks may differ: of the launcher, of a bucket or file server
AGAIN = 10_000  # uploads that the job carries along to be tried again
MARK = "since"  # in a run's metrics: from when on it looked, in seconds since 1970, where a person said so


@dataclass(frozen=True, slots=True)
class Since:
    """The uploads that are there since `at` (None: all), and those of `again`, by URI; `given` says who named `at`."""

    at: datetime | None = None
    again: frozenset[str] = frozenset()
    given: bool = False

    def keeps(self, upload: Upload) -> bool:
        """Whether the upload is looked at; one of unknown age is."""
        return self.at is None or upload.created_at is None or upload.created_at >= self.at or upload.uri in self.again

    @property
    def metrics(self) -> dict[str, int]:
        """What the ledger notes, so that such a run is never taken for one that saw everything."""
        return {MARK: int(self.at.timestamp())} if self.given and self.at else {}


def resolve(value: str, tables: ResultTables, source: str, fingerprint: str) -> Since:
    """The flag's meaning: "" is everything, a time is taken as it is, and `last-run` looks into the ledger.

    The last run is the one that began last of those committed on the same input under the same fingerprint; what is
    older than its start (less `MARGIN`) it has decided, or could not read: that is tried again. So `last-run` never
    changes what is decided. Without such a run it is everything.
    """
    if not value:
        return Since()
    if value != LAST_RUN:
        return Since(_time(value), given=True)
    if not is_folder(source):
        raise ConfigError(
            f"--since={LAST_RUN} with a manifest: uploads that it names first may be older than that run",
            fix="use it with a folder or prefix, or say a time",
        )
    alike = [run for run in tables.runs() if (run.input, run.fingerprint) == (source, fingerprint)]
    whole = [run for run in alike if MARK not in run.metrics]
    if not whole:
        log.info("since", extra={"last_run": "none; everything is looked at"})
        return Since()
    last = max(whole, key=lambda run: run.started_at)
    again = frozenset(tables.unread(last.run_id, AGAIN + 1)) if last.error else frozenset()
    if len(again) > AGAIN:
        log.warning("since", extra={"run_id": last.run_id, "unread": "too many; everything is looked at"})
        return Since()
    return Since(last.started_at - MARGIN, again)


def _time(value: str) -> datetime:
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ConfigError(
            f"--since={value} is no time with its zone",
            fix=f"write {LAST_RUN}, or for example {datetime.now(UTC):%Y-%m-%dT00:00:00Z}",
        )
    return found.astimezone(UTC)
