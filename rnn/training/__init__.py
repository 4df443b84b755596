"""Optimisation: losses, Adam, the training loop, checkpoints."""
