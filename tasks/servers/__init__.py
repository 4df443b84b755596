"""The Prefect server, the worker and the MLflow UI that `elman up` starts."""
