"""The surroundings of a run: settings, Prefect, MLflow, servers, console, run records."""
