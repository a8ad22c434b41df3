"""The command line: `haltdesk run`, and everything else that works without Slack."""

import sys

from bot.cli import main

if __name__ == "__main__":
    sys.exit(main())
