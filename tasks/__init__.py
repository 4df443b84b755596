"""Steps of the pipeline over `data` and `rnn`; Prefect and MLflow are met in `runtime` alone."""
