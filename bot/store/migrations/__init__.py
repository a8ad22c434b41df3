"""Alembic's migrations, forward from every released schema. Configured in code: see `bot/store/migrate.py`."""
