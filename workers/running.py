"""The call that a job function runs, beyond the arguments that RQ gives it."""

from contextvars import ContextVar
from dataclasses import dataclass

from gateway.canonical.events import Event, Failed, is_terminal
from gateway.execution.execution import Execution
from gateway.execution.executor import Executor
from gateway.transport.appender import Appender, Sink
from workers.bookkeeping import JobExecution


@dataclass
class RunningCall:
    """A call in a slot of this worker."""

    execution: Execution
    job: JobExecution
    executor: Executor
    appender: Appender
    sink: Sink
    web_id: str
    max_attempts: int
    ended: bool = False
    failed: bool = False

    def append(self, event: Event) -> None:
        """Append an event; nothing follows the terminal one."""
        if self.ended:
            return
        self.ended = is_terminal(event)
        self.failed = isinstance(event, Failed)
        self.appender.append(self.sink, event)


_current: ContextVar[RunningCall] = ContextVar("running_call")


def current_call() -> RunningCall:
    """The call of this thread.

    Raises:
        RuntimeError: a worker that is not ours runs the job.
    """
    try:
        return _current.get()
    except LookupError:
        raise RuntimeError("this job runs in Queueway's workers only: python -m workers") from None


def set_current_call(running: RunningCall) -> None:
    """Bind a call to this thread, until the next one."""
    _current.set(running)
