"""Polars and Arrow: formats, schema, vocabulary, tags, batches and the store. Imports nothing of ours outside itself."""
