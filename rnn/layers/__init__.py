"""Layers: forward and backward passes in NumPy, each beside its compiled kernels."""
