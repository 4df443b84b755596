"""The demo's printed output and its sample genomes."""
