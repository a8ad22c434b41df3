"""What the health check asks, one file for each kind of component."""
