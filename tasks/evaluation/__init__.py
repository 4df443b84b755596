"""Scores of models on corpora, reports, plots, and the promotion of a challenger."""
