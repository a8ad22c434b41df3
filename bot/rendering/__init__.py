"""Turns what the database knows into Block Kit, mail and Markdown, through the templates."""
