"""Helpers that several formats share: spans checked against a text, labels in JSON, arrays as streams."""
