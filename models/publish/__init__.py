"""Publish bundles: their files, their cards, and the index of their versions."""
