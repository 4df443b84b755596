"""Corpora: formats, tokens, tags, encoding, genomes and the dataset store. Polars, Arrow and NumPy only."""
