"""Corpus tables: shards of records, splits, reconciliation with documents that are there already."""
