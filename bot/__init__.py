"""Haltdesk: incident response for an algorithmic trading desk, in Slack."""

__version__ = "0.1.0"
