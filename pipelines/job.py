"""What the steps of a run share: the job as its workers need it, tallies, and the names of the steps' outputs."""

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
    cores: int = 0  # for each worker process; 0 means all that it may use
    reuse: bool = False  # whether to reuse the stored scores of the same bytes
    accelerator: str = ""  # for the step that classifies, on Dataflow
    unattended: bool = False  # the launcher does not wait, so the job itself writes the report
    since: Since = field(default_factory=Since)
    signs: Signs = Signs()
    sandbox: Sandbox = "auto"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many uploads were listed in a part of the input, and how many of them were skipped.

    `owed` is the sum of the keys of the pieces that were made, minus that of the pieces that were done. Over a whole
    run it is 0 unless a piece was lost or done twice.
    """

    listed: int = 0
    skipped: int = 0
    keys: int = 0  # the sum of the keys (see `upload_key`) of the uploads to be screened
    owed: int = 0
    again: int = 0  # how many of these failed before for reasons that were not their fault
