"""Flows, one a file with its config, and the command line `elman` over them."""
