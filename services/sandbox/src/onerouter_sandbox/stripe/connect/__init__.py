"""Connect: accounts of vendors, what they are given, and what goes on to their banks."""
