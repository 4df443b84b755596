"""The surroundings of a run: settings, Prefect, MLflow, console, run records."""
