"""The world: brokers, Slack, metrics, ledgers, mail. Every call has a time limit."""
