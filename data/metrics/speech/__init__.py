"""Scores of speech to text."""
