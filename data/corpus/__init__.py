"""Corpus tables: shards of records, splits, reconciliation with the documents of the corpus."""
