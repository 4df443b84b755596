"""Classifiers of documents and of DNA: training, scores, and tables of tagging."""
