"""Compositions: one flow a file with its frozen config, and the command line `elman` over them."""
