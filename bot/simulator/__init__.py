"""Stand-ins for the outside world: Slack, a broker, a ledger. They import nothing of the rest of bot."""
