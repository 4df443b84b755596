"""CPU seconds that compiling takes, kernel by kernel, with nothing compiled before.

    PYTHONPATH=. .venv/bin/python -m bench.compilation PRESET [PRESET ...]

compiles what a first training with each text preset compiles, one preset after the other as a user may train
them, in a cache of its own. A kernel compiled in more than one signature stands in one row. "alone" is
without the kernels and functions of Numba that were compiled on its behalf, "with these" is with them.
"""

import os
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from numba.core import config, event

from elman.tasks.runtime import environment


@dataclass
class Cost:
    """Compilations of one function: CPU seconds alone and with what they needed, and the signatures."""

    alone: float = 0.0
    whole: float = 0.0
    signatures: list[str] = field(default_factory=list)


class Stopwatch(event.Listener):
    """Listens to Numba's compilations, which lie in each other."""

    def __init__(self) -> None:
        self.costs: defaultdict[str, Cost] = defaultdict(Cost)
        self._running: list[tuple[float, list[float]]] = []

    def on_start(self, event: Any) -> None:
        """Note the start of a compilation."""
        self._running.append((time.thread_time(), []))

    def on_end(self, event: Any) -> None:
        """Note the end of a compilation."""
        began, inner = self._running.pop()
        took = time.thread_time() - began
        if self._running:
            self._running[-1][1].append(took)
        function = getattr(event.data["dispatcher"], "py_func", event.data["dispatcher"])
        cost = self.costs[f"{function.__module__}.{function.__qualname__}"]
        cost.alone += took - sum(inner)
        cost.whole += took
        cost.signatures.append(str(event.data.get("args")))

    def print(self) -> None:
        """Print the total, and a row for each function of more than a tenth of a second."""
        total = sum(cost.alone for cost in self.costs.values())
        count = sum(len(cost.signatures) for cost in self.costs.values())
        print(f"{total:.1f} CPU s in {count} compilations\n{'alone':>8}{'with these':>12}  times")
        for name, cost in sorted(self.costs.items(), key=lambda item: -item[1].alone):
            if cost.whole >= 0.1:
                distinct = len(set(cost.signatures))
                print(f"{cost.alone:8.2f}{cost.whole:12.2f}{len(cost.signatures):7}  {name} ({distinct})")


def main() -> None:
    """Compile the kernels of the presets that the arguments name, and print what each took."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NUMBA_CACHE_DIR"] = config.CACHE_DIR = folder
        environment.prepare()
        stopwatch = Stopwatch()
        event.register("numba:compile", stopwatch)  # type: ignore[no-untyped-call]  # it has no types
        from elman.tasks.training import kernels  # compiles the product when it is imported

        for name in sys.argv[1:]:
            for part in (kernels.UPDATES, kernels.DECODING):
                kernels.compile_kernels(name, part)
        stopwatch.print()


if __name__ == "__main__":
    main()
