"""Engine that works in this process: one attempt at a time, without supervision."""

from collections import deque
from typing import Any

from elman.data.errors import ElmanError
from elman.tasks.execution.engine import Report
from elman.tasks.execution.makers import ShardMaker, ShardRequest, load_maker


class Inline:
    """Runs each attempt when it is started."""

    def __init__(self, request: ShardRequest, maker: ShardMaker | None = None) -> None:
        self.request, self.maker = request, maker
        self.reports: deque[Report] = deque()

    def idle(self) -> int:
        """Return 1, or 0 while a report has not been fetched."""
        return int(not self.reports)

    def start(self, attempt: int, job: dict[str, Any]) -> bool:
        """Run the job in this process."""
        from elman.tasks.execution.worker import describe

        try:
            self.maker = self.maker or load_maker(self.request.to_json())
            shard = self.maker.make(job, lambda begin, end: None)
        except (ElmanError, OSError) as error:
            self.reports.append(Report(attempt, error=describe(error)))
        else:
            self.reports.append(Report(attempt, shard=shard))
        return True

    def poll(self, timeout_s: float) -> list[Report]:
        """Return the reports of finished attempts."""
        done = list(self.reports)
        self.reports.clear()
        return done

    def stop(self, attempt: int) -> None:
        """Do nothing: no attempt is running."""

    def close(self) -> None:
        """Do nothing: no attempt is running."""
