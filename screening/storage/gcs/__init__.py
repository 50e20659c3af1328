"""A store in Google Cloud Storage."""

from screening.storage.gcs.store import GcsStore

__all__ = ["GcsStore"]
