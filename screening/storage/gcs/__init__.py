"""Google Cloud Storage as a store."""

from screening.storage.gcs.store import GcsStore

__all__ = ["GcsStore"]
