"""What the core asks of the world: protocols beside the value types they use. No I/O here."""
