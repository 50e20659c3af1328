"""From data sets to rows: read, split, free of copies, and generated where the sets lack something."""
