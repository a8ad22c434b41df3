"""Use cases: each opens one unit of work, asks the domain, and saves state, timeline and messages together."""
