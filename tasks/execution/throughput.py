"""How fast models tag on this machine, kept from run to run, to say how long the next one takes."""

import contextlib
import json

from elman.data.store.disk import atomic_write
from elman.tasks.runtime.environment import home

LEAST = 1 << 18  # bytes from which on a rate says something


def _all() -> dict[str, float]:
    with contextlib.suppress(OSError, ValueError):
        rates: dict[str, float] = json.loads((home() / "rates.json").read_bytes())
        return rates
    return {}


def keep(model: str, size: int, seconds: float, workers: int) -> None:
    """Note that so many workers tagged so many bytes in so many seconds."""
    if size >= LEAST and seconds > 0:
        rates = {**_all(), model: round(size / seconds / max(workers, 1))}
        home().mkdir(parents=True, exist_ok=True)
        atomic_write(home() / "rates.json", json.dumps(rates, sort_keys=True, indent=1).encode())


def expected_s(model: str, size: int, workers: int) -> float | None:
    """Seconds that so many bytes will take; None if the model has never been measured here."""
    rate = _all().get(model)
    return None if not rate else round(size / rate / max(workers, 1), 1)
