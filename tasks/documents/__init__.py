"""What sentences of one document say about each other."""
