"""Recurrent cells, one a module, named as the cell; rnn/layers/recurrent.py loads them by name."""
