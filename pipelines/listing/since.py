"""What `--since` leaves out of a listing: uploads that are older than a time, as earlier runs have looked at them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipelines.listing.source import is_folder
from screening.errors import ConfigError
from screening.records import Upload
from screening.tables import ResultTables

log = logging.getLogger(__name__)

LAST_RUN = "last-run"
MARGIN = timedelta(hours=1)  # by which clocks may differ: of the launcher, of a bucket or file server
MOST = 10_000  # uploads that the job carries along to be tried again
AGAIN = "tried_again"  # in a run's metrics: of how many the last verdict was an error for no fault of theirs
MARK = "since"  # in a run's metrics: from when on it looked, in seconds since 1970, where a person said so


@dataclass(frozen=True, slots=True)
class Since:
    """The uploads that are there since `at` (None: all), and those of `again`, by URI; `given` says who named `at`.

    What lies below a folder of `again` belongs to it: it was not listed while the folder could not be.
    """

    at: datetime | None = None
    again: frozenset[str] = frozenset()
    given: bool = False

    def keeps(self, upload: Upload) -> bool:
        """Whether the upload is looked at; one of unknown age is."""
        if self.at is None or upload.created_at is None or upload.created_at >= self.at:
            return True
        return bool(self.again) and any(place in self.again for place in _upwards(upload.uri))

    @property
    def metrics(self) -> dict[str, int]:
        """What the ledger notes, so that such a run is never taken for one that saw everything."""
        return {MARK: int(self.at.timestamp())} if self.given and self.at else {}


def resolve(value: str, tables: ResultTables, source: str, fingerprint: str) -> Since:
    """The flag's meaning: "" is everything, a time is taken as it is, and `last-run` looks into the ledger.

    The last run is the one that began last of those committed on the same input under the same fingerprint. What is
    older than its start (less `MARGIN`) it has decided, or that failed for no fault of its own: then it is tried again.
    So `last-run` never changes what is decided. Without such a run it is everything.
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
    whole.sort(key=lambda run: run.started_at)
    again: set[str] = set()
    for run in reversed(whole):
        again.update(tables.unread(run.run_id, MOST + 1) if run.error else ())
        if len(again) > MOST:
            log.warning("since", extra={"run_id": run.run_id, "unread": "too many; everything is looked at"})
            return Since()
        if AGAIN in run.metrics:  # it tried again what the runs before it had left
            break
    return Since(whole[-1].started_at - MARGIN, frozenset(again))


def _upwards(uri: str) -> Iterator[str]:
    while uri:
        yield uri
        uri = uri.rpartition("/")[0]


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
