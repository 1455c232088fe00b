"""The job function of the interactive queue."""

from collections.abc import Iterator

from gateway.canonical.events import Event, Failed, is_terminal
from gateway.execution.progress import Progress
from workers.running import current_call


def run_call(call_id: str, schema_version: int) -> None:  # noqa: ARG001
    """Run a call and append its answer.

    Args:
        call_id: names the job in RQ's views; the call itself is bound to the thread.
        schema_version: of the call's record.
    """
    running = current_call()
    progress = Progress(
        candidates=running.execution.call.candidates, max_attempts=running.max_attempts
    )
    events = running.executor.execute(running.execution, progress)
    for event in events:
        # An upstream that talks without a pause is not stopped by the end of its connection.
        stopped = running.execution.cancellation.failure
        if stopped and not is_terminal(event):
            _close(events)
            event = Failed(stopped)
        running.append(event)


def _close(events: Iterator[Event]) -> None:
    close = getattr(events, "close", None)
    if close:
        close()
