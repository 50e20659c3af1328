"""The training loop that all networks share, and its curves."""
