"""Documents: relations between their sentences."""
