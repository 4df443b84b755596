"""Lineage of runs, models, corpora and outputs, read from the files of the home alone."""
