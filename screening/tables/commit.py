"""Write everything under `--results`: `ResultTables`. Each write lands as a whole or not at all.

A run is two commits: its verdicts, then its row in the ledger `runs`. The first decides (one `Transaction`
per run id, whoever comes second lands nothing) and carries the run's facts; the second makes it count, as
every reader joins on it. Should a committer die in between, the next one finishes the row from those facts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from deltalake import CommitProperties, DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from screening.errors import ScreeningError
from screening.records import DECISIONS, Release, Review, Run, Verdict
from screening.tables import delta
from screening.tables.parts import Part, add_action, add_keys, check_run_id, write_part
from screening.tables.read import ResultReader
from screening.tables.rows import SMALL, append_new, append_once, compact
from screening.tables.schema import RELEASE, RELEASES, REVIEW, RUN, SCHEMAS, VERDICTS, Row

_FACTS = "screening.run"  # in the verdict commit's metadata: the ledger row, and what `heal` returned


class ReconcileError(ScreeningError):
    """The run does not account for every upload, so nothing was committed."""


def reconcile(run: Run, parts: Sequence[Part], keys: int | None = None) -> None:
    """Raise ReconcileError unless listed - skipped = sum of decisions = sum of rows, and says what differs.

    `keys` is the sum (`add_keys`) of the `upload_key`s of all uploads listed and not skipped, where known.
    """
    rows = sum(part.rows for part in parts)
    counted = {decision: sum(part.counts[decision] for part in parts) for decision in DECISIONS}
    claimed = {decision: getattr(run, decision) for decision in DECISIONS}
    if not run.reconciled:
        raise ReconcileError(
            f"run {run.run_id}: {run.listed} listed - {run.skipped} skipped, {sum(claimed.values())} decided"
        )
    if counted != claimed or rows != sum(claimed.values()):
        raise ReconcileError(f"run {run.run_id}: counted {claimed}, but {rows} rows written with {counted}")
    if keys is not None and keys != add_keys(part.keys for part in parts):
        raise ReconcileError(f"run {run.run_id}: the uploads decided are not the uploads listed")
    paths = [part.path for part in parts if part.rows]
    if len(set(paths)) != len(paths):
        raise ReconcileError(f"run {run.run_id}: a part is counted twice")


class ResultTables(ResultReader):
    """The tables under a results folder or `gs://` prefix; cheap to make; many processes may use them at once.

    Those that grow by a few rows at a time are joined when they have more files than `join_above`.
    """

    def __init__(self, uri: str, join_above: int = SMALL) -> None:
        super().__init__(uri)
        self._join_above = join_above

    def write_part(self, run_id: str, verdicts: Iterable[Verdict]) -> Part:
        """Write one file of verdicts, which counts only after `commit_run`; see `parts.write_part`."""
        return write_part(self.table_uri("verdicts"), run_id, verdicts)

    def commit_run(self, run: Run, parts: Sequence[Part], keys: int | None = None) -> Run:
        """Commit the run's parts and its ledger row; return the row in the ledger, which may be of an earlier call.

        This sets `committed_at`. Raises ReconcileError if nothing was committed, and TransientError if it may be
        called again; the run lands at most once.
        """
        check_run_id(run.run_id)
        settled = self.heal()
        if (standing := self.run(run.run_id)) is not None:
            return standing
        self.commit_verdicts(run, parts, keys, settled)
        self.heal()
        standing = self.run(run.run_id)
        assert standing is not None, "a committed run has its row"
        return standing

    def commit_verdicts(self, run: Run, parts: Sequence[Part], keys: int | None = None, settled: int = -1) -> None:
        """Make the first of the two commits of `commit_run`: the run counts once `heal` has written its ledger row.

        `settled` is what `heal` returned before, or -1 if that is unknown; the next `heal` then looks further back.
        Raises the same errors as `commit_run`.
        """
        reconcile(run, parts, keys)
        run = replace(run, committed_at=datetime.now(UTC))
        written_ms = int(run.committed_at.timestamp() * 1000)
        filled = sorted((part for part in parts if part.rows), key=lambda part: part.path)
        actions: list[AddAction | RemoveAction] = [add_action(part, written_ms) for part in filled]

        def commit(table: DeltaTable, properties: CommitProperties) -> None:
            table.create_write_transaction(actions, "append", VERDICTS, commit_properties=properties)

        facts = json.dumps({"run": RUN.row(run), "settled": settled}, default=datetime.isoformat)
        delta.commit_once(self.table_uri("verdicts"), VERDICTS, run.run_id, commit, {_FACTS: facts})

    def heal(self) -> int:
        """Write the ledger rows that runs with committed verdicts still lack.

        Returns the version of `verdicts` up to which every run has its row, or -1 if there is no table. Each run's
        commit records that version, so only later commits are read.
        """
        compact(self.table_uri("runs"), self._join_above)
        table = delta.load(self.table_uri("verdicts"))
        if table is None:
            return -1
        newest, settled = table.version(), -1
        known = self._run_ids()
        for version, info in delta.commits(self.table_uri("verdicts"), newest):
            if version <= settled:
                break
            if _FACTS in info:
                facts = json.loads(info[_FACTS])
                settled = max(settled, facts["settled"])
                if facts["run"]["run_id"] not in known:
                    self._enter(_run_from_json(facts["run"]))
        return newest

    def _enter(self, run: Run) -> None:
        self._append_once("runs", run.run_id, [RUN.row(run)])

    def append_reviews(self, reviews: Sequence[Review]) -> None:
        """Append people's decisions; the same reviews (by id) are stored once, however often they are appended.

        This needs no permission to overwrite or delete; see `rows.append_once`.
        """
        compact(self.table_uri("reviews"), self._join_above)
        ids = "\0".join(sorted(review.review_id for review in reviews))
        self._append_once("reviews", f"reviews-{_digest(ids)}", [REVIEW.row(each) for each in reviews])

    def append_releases(self, rows: Sequence[Release]) -> None:
        """Append what was done to objects, except what the table already says.

        So an act has one row, however many releases did it at once, and a failed attempt has one row per release. The
        commit succeeds only on the snapshot in which the rows were missing; otherwise they are looked up again.
        """
        if not rows:
            return
        said = ["release_id", "uri", "generation", "decision", "action", "target", "released_at"]
        append_new(self.table_uri("releases"), RELEASES, [RELEASE.row(row) for row in rows], _unsaid, said)

    def _append_once(self, name: str, app_id: str, rows: Sequence[Row]) -> None:
        if not rows:
            return
        append_once(self.table_uri(name), SCHEMAS[name], app_id, rows)


def _unsaid(rows: Iterable[Row], there: Iterable[Row]) -> list[Row]:
    """Return the rows that say something new: a state other than the newest, or a failure of another release."""
    newest: dict[tuple[str, int, bool], Row] = {}
    failed = set()
    for row in there:
        key = (row["uri"], row["generation"], row["action"] == "label")
        if row["action"] == "failed":
            failed.add((row["uri"], row["generation"], row["release_id"]))
        elif key not in newest or newest[key]["released_at"] <= row["released_at"]:
            newest[key] = row
    new = []
    for row in rows:
        if row["action"] == "failed":
            known = (row["uri"], row["generation"], row["release_id"]) in failed
        else:
            before = newest.get((row["uri"], row["generation"], row["action"] == "label"), {})
            known = all(before.get(name) == row[name] for name in ("action", "decision", "target"))
        if not known:
            new.append(row)
    return new


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:40]


def _run_from_json(row: Row) -> Run:
    times = {name: datetime.fromisoformat(row[name]) for name in ("started_at", "committed_at")}
    return RUN.record({**row, **times})
