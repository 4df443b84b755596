"""Pieces of music: symbols of ABC, rolls of notes, and what they sound like."""
