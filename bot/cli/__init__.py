"""The commands of `haltdesk`, one file for each family."""

from bot.cli.main import main

__all__ = ["main"]
