"""Polars and Arrow: formats, schema, tags, vocabulary, batches, the store."""
