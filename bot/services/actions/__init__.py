"""The emergency actions: one file each, given a request and its tools, giving back what was shown."""
