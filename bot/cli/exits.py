"""Exit codes of the command line. Source: design.md, Outside contract."""

DONE = 0  # done and proved
FAILED = 1
USAGE = 2
UNKNOWN = 3  # unknown, or partly done
