"""Next-symbol models: training, scoring, generation of pieces."""
