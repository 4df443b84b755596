"""What to label next: documents by their expected errors, as tasks of annotation tools."""
