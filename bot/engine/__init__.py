"""What runs in the background: each piece brings the world up to date by one step, in `run_once(now)`."""
