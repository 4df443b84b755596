"""Worker process: reads jobs as lines of JSON from stdin, stages shards, reports in lines of JSON.

    {"request": ...}                               comes first
    {"attempt": 7, "job": ...}                     then these, one at a time
    {"ready": true}                                is the first answer
    {"attempt": 7, "records": [0, 4000]}           the records tried next
    {"attempt": 7, "shard": ...}  or  {"attempt": 7, "error": ...}

It exits with its parent: by a signal of the kernel on Linux, at the end of stdin everywhere. It needs
neither Prefect nor MLflow.
"""

import contextlib
import ctypes
import json
import os
import queue
import signal
import sys
import threading
from typing import Any, BinaryIO

from elman.tasks.runtime import environment

environment.prepare()

from elman.data.errors import BadInput, Changed, ElmanError  # noqa: E402 (settings come first)
from elman.tasks.execution.makers import load_maker  # noqa: E402

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Work until stdin ends."""
    _die_with(int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from the terminal; the driver ends its workers
    reports = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # prints go to the log
    jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, jobs), daemon=True).start()

    def report(**values: Any) -> None:
        reports.write(json.dumps(values, ensure_ascii=False) + "\n")
        reports.flush()

    try:
        maker = load_maker(jobs.get()["request"])
    except ElmanError as error:
        report(ready=False, error=describe(error))
        return
    report(ready=True)
    while True:
        line = jobs.get()
        attempt = line["attempt"]
        try:
            shard = maker.make(line["job"], lambda a, b: report(attempt=attempt, records=[a, b]))  # noqa: B023
        except Exception as error:
            sys.excepthook(type(error), error, error.__traceback__)
            report(attempt=attempt, error=describe(error))
        else:
            report(attempt=attempt, shard=shard)


def describe(error: Exception) -> dict[str, Any]:
    """Return an error as plain values; `tasks.execution.engine.as_error` reads them."""
    if isinstance(error, BadInput):
        fields = {name: getattr(error, name) for name in ("expected", "got", "todo", "source", "line")}
        fields["source"] = None if error.source is None else str(error.source)
        return {"kind": "changed" if isinstance(error, Changed) else "bad-input", "fields": fields}
    if isinstance(error, OSError) and error.errno is not None:
        return {"kind": "os", "errno": error.errno, "file": str(error.filename or "")}
    if isinstance(error, ElmanError):
        return {"kind": "elman", "message": str(error), "exit_code": error.exit_code}
    return {"kind": "other", "message": f"{type(error).__name__}: {error}"}


def _listen(stdin: BinaryIO, jobs: "queue.SimpleQueue[Any]") -> None:
    for line in stdin:
        jobs.put(json.loads(line))
    os._exit(0)  # the driver has ended or has no more jobs


def _die_with(parent: int) -> None:
    """Let the kernel kill this process when its parent ends."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


if __name__ == "__main__":
    main()
