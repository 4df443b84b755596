"""Bound on the wait of a test for another process, ten times what any takes on a busy machine."""

PATIENCE_S = 900
