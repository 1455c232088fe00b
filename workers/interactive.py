"""The job function of the interactive queue."""

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
    for event in running.executor.execute(running.execution, progress):
        running.append(event)
