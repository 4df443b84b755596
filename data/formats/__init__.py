"""File formats, one module each: how their records are read and where their bytes may be split."""
