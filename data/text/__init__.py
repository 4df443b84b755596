"""Tokenizers, tag schemes and string tables."""
