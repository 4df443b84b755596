"""Redaction of text: entities found by patterns with checksums, and operators that take entities out."""
