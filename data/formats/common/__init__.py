"""Shared parts of the formats: records, slices, streams, options, spans and labels of documents."""
