"""Starts of genes: the distance to the gene before, and motifs before start codons."""
