"""Active learning: documents to label next by their expected errors, as tasks of annotation tools."""
