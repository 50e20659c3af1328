"""Where the links of a document lead: hosts that readers take for others, and hosts on banks."""
