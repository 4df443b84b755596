"""Batch sequence tagging on ordinary CPUs: recurrent networks for text and DNA.

The packages stand at the top of the checkout; they are imported as `elman.data`, `elman.rnn`, `elman.tasks` and
`elman.flows`, so that modules of the same names on a user's path are never imported instead.
"""
