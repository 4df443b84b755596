"""Datasets on disk: Parquet files, the manifest that commits them, atomic writes, locks, schemas."""
