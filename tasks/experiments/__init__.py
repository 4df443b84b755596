"""Comparisons with baseline networks and the ablation ladder."""
