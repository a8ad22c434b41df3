"""The browser page of the stand-in Slack, and its JSON endpoints under `/_sim/`."""
