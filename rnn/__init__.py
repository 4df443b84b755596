"""Recurrent networks on plain arrays: layers with their own backward pass, training, inference."""
