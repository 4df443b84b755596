"""Export formats of DNA, a module each."""
