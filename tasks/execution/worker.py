"""A worker process: reads jobs as lines of JSON on stdin, stages shards, answers in lines of JSON.

    {"request": ...}                               comes first
    {"attempt": 7, "job": ...}                     then these, one at a time
    {"ready": true}                                is the first answer
    {"attempt": 7, "at": [0, 4000]}                the records tried next
    {"attempt": 7, "shard": ...}  or  {"attempt": 7, "error": ...}

It ends when its parent does: the kernel sees to it on Linux, the end of stdin everywhere. It needs neither
Prefect nor MLflow.
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
from elman.tasks.tagging.shard import Job, Request, Shards  # noqa: E402

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Work until stdin ends."""
    _die_with(int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal; the driver says when to stop
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what anything prints goes to the log
    jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, jobs), daemon=True).start()

    def answer(**values: Any) -> None:
        answers.write(json.dumps(values, ensure_ascii=False) + "\n")
        answers.flush()

    try:
        shards = load(jobs.get()["request"])
    except ElmanError as error:
        answer(ready=False, error=describe(error))
        return
    answer(ready=True)
    while True:
        line = jobs.get()
        attempt = line["attempt"]
        try:
            shard = work(shards, line["job"], lambda a, b: answer(attempt=attempt, at=[a, b]))  # noqa: B023
        except Exception as error:
            sys.excepthook(type(error), error, error.__traceback__)
            answer(attempt=attempt, error=describe(error))
        else:
            answer(attempt=attempt, shard=shard)


def load(request: dict[str, Any]) -> Shards:
    """Load the model of a request given as plain values."""
    return Shards.load(Request(**{**request, "formats": tuple(request["formats"])}))


def work(shards: Shards, job: dict[str, Any], say: Any) -> dict[str, Any]:
    """Do one job: tag a slice, or settle a shard that is staged."""
    if "settle" in job:
        from elman.tasks.tagging.renumber import settle

        return settle(shards.staging, job).to_json()
    return shards.tag(Job.from_json(job), say).to_json()


def describe(error: Exception) -> dict[str, Any]:
    """An error as plain values."""
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
    os._exit(0)  # the driver is gone or has no more to do


def _die_with(parent: int) -> None:
    """Be killed when the parent ends, however it ends."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


if __name__ == "__main__":
    main()
