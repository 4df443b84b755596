"""Output formats of tagged text and genomes."""
