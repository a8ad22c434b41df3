"""One file a step. A released step is never changed; the next one is added."""
