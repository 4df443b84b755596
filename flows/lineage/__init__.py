"""Commands that look at what earlier runs left: runs, clean, trace, diff."""
