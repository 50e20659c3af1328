"""Leave uploads that are older than `--since` out of a listing, since earlier runs have looked at them."""

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
MARGIN = timedelta(hours=1)  # how far the launcher's clock and that of a bucket or file server may differ
MOST = 10_000  # uploads to be tried again that the job carries along
AGAIN = "tried_again"  # in a run's metrics: how many uploads it tried again after errors that were not their fault
MARK = "since"  # in a run's metrics: the time that a person gave as --since, in seconds since 1970


@dataclass(frozen=True, slots=True)
class Since:
    """Which uploads to look at: those created since `at` (None: all), and those whose URI is in `again`.

    A folder in `again` stands for everything below it, since it could not be listed before. `given` is whether a person
    chose `at`, rather than `last-run`.
    """

    at: datetime | None = None
    again: frozenset[str] = frozenset()
    given: bool = False

    def keeps(self, upload: Upload) -> bool:
        """Return whether to look at the upload. One of unknown age is always looked at."""
        if self.at is None or upload.created_at is None or upload.created_at >= self.at:
            return True
        return bool(self.again) and any(place in self.again for place in _upwards(upload.uri))

    @property
    def metrics(self) -> dict[str, int]:
        """The metrics that mark a run with a given time in the ledger, so that it is never taken for a full run."""
        return {MARK: int(self.at.timestamp())} if self.given and self.at else {}


def resolve(value: str, tables: ResultTables, source: str, fingerprint: str) -> Since:
    """Return what the flag means: "" is everything, and `last-run` is found in the ledger.

    The last run is the committed run on the same input with the same fingerprint that started last. It decided all
    uploads that are older than its start (less `MARGIN`), except those that failed through no fault of theirs, which
    are tried again. So `last-run` gives the same decisions as a full run. If there is no such run, it means everything.
    Raises ConfigError for anything else than a time with its zone, and for `last-run` with a manifest.
    """
    if not value:
        return Since()
    if value != LAST_RUN:
        return Since(_time(value), given=True)
    if not is_folder(source):
        raise ConfigError(
            f"--since={LAST_RUN} can't be used with a manifest: uploads that are new to it may be older than that run",
            fix="use it with a folder or prefix, or give a time",
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
        if AGAIN in run.metrics:  # it has already tried again what the runs before it had left
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
            f"--since={value} is not a time with a time zone",
            fix=f"write {LAST_RUN} or, for example, {datetime.now(UTC):%Y-%m-%dT00:00:00Z}",
        )
    return found.astimezone(UTC)
