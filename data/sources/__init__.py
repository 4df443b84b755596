"""Paths to records: format detection, reading, splitting, pairing of sequences and annotations."""
