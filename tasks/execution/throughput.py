"""Throughput of models on this machine, recorded by each run to estimate the time of the next."""

import contextlib
import json

from elman.data.store.disk import atomic_write
from elman.tasks.runtime.environment import home

SMALLEST = 1 << 18  # bytes; a shorter run is no measurement
FILE = "rates.json"  # bytes a second and worker, by model


def _recorded() -> dict[str, float]:
    with contextlib.suppress(OSError, ValueError):
        rates: dict[str, float] = json.loads((home() / FILE).read_bytes())
        return rates
    return {}


def record_throughput(model: str, size: int, seconds: float, workers: int) -> None:
    """Record that `workers` workers tagged `size` bytes in `seconds`."""
    if size >= SMALLEST and seconds > 0:
        rates = {**_recorded(), model: round(size / seconds / max(workers, 1))}
        home().mkdir(parents=True, exist_ok=True)
        atomic_write(home() / FILE, json.dumps(rates, sort_keys=True, indent=1).encode())


def expected_seconds(model: str, size: int, workers: int) -> float | None:
    """Return the seconds that `size` bytes will take; None if the model was never measured here."""
    rate = _recorded().get(model)
    return None if not rate else round(size / rate / max(workers, 1), 1)
