"""The desk's rules, pure: no I/O, no clock, nothing but the standard library."""
