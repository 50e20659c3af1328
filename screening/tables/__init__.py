"""The result tables, which jobs write and which people and the release job read."""

from screening.tables.commit import ReconcileError, ResultTables
from screening.tables.decided import NOTHING
from screening.tables.parts import Part, add_keys, metrics_of, sandbox_of, upload_key
from screening.tables.scores import StoredScores

__all__ = [
    "NOTHING",
    "Part",
    "ReconcileError",
    "ResultTables",
    "StoredScores",
    "add_keys",
    "metrics_of",
    "sandbox_of",
    "upload_key",
]
