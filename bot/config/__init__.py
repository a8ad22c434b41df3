"""What the desk decides: settings from the environment, policy from `haltdesk.toml`; all checked first."""
