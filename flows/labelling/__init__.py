"""Commands of the labelling loop: suggest."""
