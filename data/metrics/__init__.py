"""Scores of entities and genes, with bootstrap intervals."""
