"""Vocabularies and feature templates: tokens to ids, and padded one-hot batches."""
