"""Tagging up to rows: inputs, plan, shards, tables, output."""
