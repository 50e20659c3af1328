"""Make rows from data sets: read and split them, remove copies, and generate what the sets lack."""
