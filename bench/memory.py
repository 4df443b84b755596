"""Peak resident memory of every process of a command, the command's own first.

    python bench/memory.py elman tag MODEL TEXT --out OUT --workers 2

What Linux counts as VmHWM is read ten times a second while a process lives; pages of libraries and models
that several processes share count in each. Together: the most that Pss adds up to, where they count once.
"""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

EVERY_S = 0.1


def mib(pid: int, file: str, field: str) -> float:
    """A field of a process's file in /proc, in MiB."""
    lines = Path(f"/proc/{pid}/{file}").read_text(encoding="ascii", errors="replace").splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:")), 0.0)


def main() -> None:
    """Run the command and print a line a process."""
    began = time.monotonic()
    process = subprocess.Popen(sys.argv[1:])
    peaks: dict[int, float] = {}
    together = 0.0
    while process.poll() is None:
        now = 0.0
        with contextlib.suppress(psutil.Error):
            own = psutil.Process(process.pid)
            for one in (own, *own.children(recursive=True)):
                with contextlib.suppress(OSError):
                    peaks[one.pid] = max(peaks.get(one.pid, 0), mib(one.pid, "status", "VmHWM"))
                    now += mib(one.pid, "smaps_rollup", "Pss")
        together = max(together, now)
        time.sleep(EVERY_S)
    used = os.times()
    cpu, wall = used.children_user + used.children_system, time.monotonic() - began
    print("peaks, MiB:", *(f"{peak:.0f}" for peak in peaks.values()), f"together: {together:.0f}")
    print(f"{cpu:.1f} CPU s, {wall:.1f} s, load {os.getloadavg()[0]:.1f}")
    sys.exit(process.returncode)


if __name__ == "__main__":
    main()
