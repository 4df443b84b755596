"""Array types, compiled matrix products and elementary functions, threads."""
