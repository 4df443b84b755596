"""Decoding, and networks prepared for speed with their input cache."""
