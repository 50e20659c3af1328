"""The result tables: what a job writes, what people and the release job read."""

from screening.tables.commit import ReconcileError, ResultTables
from screening.tables.parts import Part, add_keys, upload_key

__all__ = ["Part", "ReconcileError", "ResultTables", "add_keys", "upload_key"]
