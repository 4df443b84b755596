"""Tasks of learning beside tagging: their registry, training and scores."""
