"""DNA: nucleotides, contigs, annotation rules, gene decoding, genome-specific models."""
