"""Retraining: the gate that a challenger has to pass, its promotion, and the history of a registered name."""
