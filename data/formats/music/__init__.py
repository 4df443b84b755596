"""Input formats of music, a module each."""
