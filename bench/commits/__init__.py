"""Two commits at the same work by their command lines alone: what is run, on what, and what comes out."""
