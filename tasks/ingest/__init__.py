"""Steps of ingestion, and the names of corpora."""
