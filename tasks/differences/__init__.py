"""Differences of two models, runs or outputs: configuration, data, entities with significance, sentences."""
