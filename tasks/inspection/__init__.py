"""Inspection: what a corpus or a model makes of one text, step by step (`elman show`)."""
