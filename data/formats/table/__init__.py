"""Formats of tables, one a module, and what they share."""
