"""Thin steps over `data` and `rnn`; MLflow lives in `tracking`, Prefect in `orchestration`."""
