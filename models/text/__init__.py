"""Text networks, which are one encoder with several heads: their batches, training, and scores of whole texts."""
