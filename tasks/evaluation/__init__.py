"""Scores of models on corpora, reports and plots."""
