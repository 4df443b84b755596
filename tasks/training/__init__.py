"""Training of text taggers and gene finders, pre-training, checkpoints."""
