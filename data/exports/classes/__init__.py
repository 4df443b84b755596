"""Exports of classified documents and contigs."""
