"""Translates what comes in (Slack, Alertmanager, programs) into calls of services. Never waits for a network."""
