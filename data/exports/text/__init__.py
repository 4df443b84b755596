"""Export formats of text, a module each."""
