"""Thin steps over `data` and `rnn`: one task wraps one call. MLflow lives in `tracking`, Prefect in `orchestration`."""
