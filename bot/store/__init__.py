"""The database: tables, units of work and migrations. SQLite for one process, PostgreSQL for several; one code."""
