"""Input formats of DNA, a module each."""
