"""Make a bundle of a classification checkpoint that somebody already has."""
