"""Decode image files into their pictures: frames, pages, and what else a file holds."""
