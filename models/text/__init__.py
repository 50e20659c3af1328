"""One encoder with several heads: its batches, its training, and its scores over whole texts."""
