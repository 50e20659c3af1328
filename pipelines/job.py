"""What the steps of a run share: the job as its workers need it, and tallies; the names of what flows between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pipelines.launch.progress import Progress
from pipelines.launch.watchdog import Signs
from pipelines.listing.since import Since
from screening.decode import Sandbox
from screening.settings import Settings

TALLIES, DIGESTS, PIECES, REPEATS, PARTS = "tallies", "digests", "pieces", "repeats", "parts"


@dataclass(frozen=True, slots=True)
class Job:
    """One run of `pipelines.screen`, as its workers need it."""

    run_id: str
    source: str
    results: str
    started_at: datetime
    settings: Settings
    progress: Progress
    cores: int = 0  # for each worker process; 0: all that it may use
    reuse: bool = False  # scores of the same bytes
    accelerator: str = ""  # of the step that classifies, on Dataflow
    unattended: bool = False  # the launcher ends first, so the job writes the report
    since: Since = field(default_factory=Since)
    signs: Signs = Signs()
    sandbox: Sandbox = "auto"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many uploads a piece of the listing saw and how many of them it left out.

    `owed` is the sum of the keys of the pieces made less that of the pieces done: over a whole run, nothing.
    """

    listed: int = 0
    skipped: int = 0
    keys: int = 0  # of those to be screened, see `upload_key`
    owed: int = 0
    again: int = 0  # of those to be screened, that failed before for no fault of theirs
