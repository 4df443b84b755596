"""Input formats of speech, a module each."""
