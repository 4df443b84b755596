"""Input formats of text, a module each."""
