"""Turn people's decisions on uploads into labelled rows: the `reviews` table, joined with the verdicts and the uploads.

A label names the decision and what it was about. `overturn:LABEL` means that a person cleared a finding of the policy;
there is one row for each finding. `uphold:LABEL` means that a person agreed with the finding, and `uphold:A+B` is used
if there were several, since nobody said which one was right. `uphold:accept` and `overturn:accept` mean that the policy
had accepted, and a person agreed or disagreed.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from screening.classifiers.windows import scored_text
from screening.content import Document, Text
from screening.decode import Decoder, Limits
from screening.errors import Replaced, UploadError
from screening.policy import Facts
from screening.policy.decide import crossed
from screening.storage import open_store
from screening.tables.read import ResultReader
from screening.tables.schema import SCREENED_PART, SIGNAL, THRESHOLD

READERS = 16

# The decision that is valid for each generation, as the view `effective_verdicts` finds it.
_STANDING = """
SELECT r.*, v.decision AS machine, v.sha256, v.metadata, v.signals, v.thresholds, v.parts, v.genre,
       count(*) OVER (PARTITION BY r.uri, r.generation) AS decisions
FROM reviews AS r LEFT JOIN verdicts AS v USING (run_id, uri, generation)
QUALIFY row_number() OVER (PARTITION BY r.uri, r.generation
  ORDER BY coalesce(v.decision, 'error') <> 'error' DESC, r.reviewed_at DESC, r.review_id DESC) = 1
ORDER BY r.uri, r.generation
"""


def read_reviews(results: str, left_out: Counter[str]) -> list[dict[str, Any]]:
    """Return the rows of the decisions in a results folder or `gs://` prefix.

    Decisions that give no row are counted in `left_out` by their reason. A row has `id`, `text` (what a classifier
    reads of the part that the decision was about), `label`, `language`, `date` (of the review), `reviewer`, `uri`, and
    the upload's metadata as `metadata.KEY`. An upload that is gone is read from the place that a release copied it to.
    """
    reader = ResultReader(results)
    standing = reader.connection().sql(_STANDING).to_arrow_table().to_pylist()
    left_out["older review"] += sum(row["decisions"] - 1 for row in standing)
    usable = []
    for row in standing:
        if row["machine"] in (None, "error"):
            left_out["no verdict" if row["machine"] is None else "error verdict"] += 1
        else:
            usable.append(row)
    with Decoder() as decoder, ThreadPoolExecutor(READERS) as pool:
        documents = pool.map(lambda row: _document(reader, decoder, row), usable)
        return [made for row, each in zip(usable, documents, strict=True) for made in _rows(row, each, left_out)]


def labels(decision: str, machine: str, found: Sequence[str]) -> list[str]:
    """Return the labels of a decision on a verdict with these findings."""
    if machine == "accept" or not found:
        return [f"{decision}:{machine}"]
    return [f"uphold:{'+'.join(found)}"] if decision == "uphold" else [f"overturn:{label}" for label in found]


def _rows(row: Mapping[str, Any], document: Document | str, left_out: Counter[str]) -> list[dict[str, Any]]:
    if isinstance(document, str):
        left_out[document] += 1
        return []
    texts = {part.place: part.content for part in document.parts if isinstance(part.content, Text)}
    main = document.main
    if not isinstance(main, Text):
        left_out["image"] += 1
        return []
    made = {
        "id": row["review_id"],
        "language": document.language.split("-")[0].lower(),
        "date": row["reviewed_at"],
        "source": "reviews",
        "reviewer": row["reviewer"],
        "uri": row["uri"],
        **{f"metadata.{key}": value for key, value in dict(row["metadata"] or ()).items()},
    }
    found = _found(row)
    rows = []
    for label in labels(row["decision"], row["machine"], sorted(found)):
        places = {found[each] for each in label.partition(":")[2].split("+") if each in found}
        text = texts.get(places.pop(), main) if len(places) == 1 else main
        rows.append({**made, "text": scored_text(text)[0], "label": label})
    return rows


def _found(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels that crossed a level of the policy that decided then, and the part where each did."""
    levels = [THRESHOLD.record(each) for each in row["thresholds"] or ()]
    facts = Facts([SCREENED_PART.record(each) for each in row["parts"] or ()], row["genre"] or None)
    signals = [SIGNAL.record(each) for each in row["signals"] or () if each["score"] is not None]
    return {
        signal.label: signal.evidence.part
        for signal in signals
        if any(crossed(signal, level, facts) for level in levels)
    }


def _document(reader: ResultReader, decoder: Decoder, row: Mapping[str, Any]) -> Document | str:
    """Return the document that was reviewed, or the reason why it can't be read."""
    limit = Limits().max_bytes
    try:
        try:
            data = open_store(row["uri"]).read(row["uri"], row["generation"], limit)
        except UploadError as gone:
            released = _released(reader, row)
            if released is None:
                return "replaced" if isinstance(gone, Replaced) else gone.reason
            data = released
        return decoder.decode(data)
    except UploadError as error:
        return error.reason


def _released(reader: ResultReader, row: Mapping[str, Any]) -> bytes | None:
    for release in reader.releases(row["uri"]):
        if release.generation == row["generation"] and release.action in ("live", "quarantine"):
            try:
                data = open_store(release.target).get(release.target)
            except UploadError:
                continue
            if hashlib.sha256(data).hexdigest() == row["sha256"]:
                return data
    return None
