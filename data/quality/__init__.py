"""Quality checks of corpora: counts, duplicates, label conflicts, suspicious characters, annotations."""
