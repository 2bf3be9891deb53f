"""Distributed Map of thousands of items.

moto: a worker calls itself for its next item, so few workers with many items overflow the stack and hang; it starts as
many workers as MaxConcurrency says for a single item too; it copies the state of the Map for each item; it keeps
the history of all children until the Map ends; and a failed child never fails the Map, whatever is tolerated.
"""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType, MapRunFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import (
    distributed_iteration_component,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor import (
    distributed_item_processor_worker as distributed_worker,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.iteration_worker import (
    IterationWorker,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.job import JobPool
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager


def install() -> None:
    """Bounded stacks and threads, no kept histories, and the failures that were tolerated."""
    distributed_worker.DistributedItemProcessorWorker._eval_pool = _work_off
    IterationWorker._eval_pool = _work_off_inline
    distributed_iteration_component.EventManager = _child_history
    distributed_iteration_component.DistributedIterationComponent._map_run = _map_run


def _work_off(worker: Any, job: Any, worker_frame: Any) -> None:
    """One item after the other, in a loop."""
    while job is not None:
        job_frame = worker_frame.open_inner_frame()
        worker._eval_job(env=job_frame, job=job)
        worker_frame.delete_frame(job_frame)
        worker._job_pool.close_job(job)
        job = None if worker.stopped() else worker._job_pool.next_job()


def _work_off_inline(worker: Any, job: Any, worker_frame: Any) -> None:
    """The same for an inline Map, whose frames carry the ids of the parent's history."""
    while job is not None:
        job_frame = worker_frame.open_inner_frame()
        worker._eval_job(env=job_frame, job=job)
        worker_frame.close_frame(job_frame)
        ended = isinstance(job.job_output, Exception) or worker.stopped()
        following = None if ended else worker._job_pool.next_job()
        if following is None:
            # Frames are closed before the last job is, which wakes the Map.
            worker_frame.event_history_context.source_event_id = (
                job_frame.event_history_context.last_published_event_id
            )
            worker._env.close_frame(worker_frame)
        worker._job_pool.close_job(job)
        job = following


def _child_history() -> Any:
    """A history that keeps nothing: moto has no API to read that of a child, and all children share it."""
    history = EventManager()
    history._publish_history_event = lambda **_: None
    return history


def _map_run(component: Any, env: Any, eval_input: Any) -> None:
    items = env.stack.pop()
    record = eval_input.map_run_record
    pool = JobPool(job_program=component._get_iteration_program(), job_inputs=items)
    for _ in range(min(record.max_concurrency or len(items), len(items))):
        component._launch_worker(env=env, eval_input=eval_input, job_pool=pool)
    if items:
        pool.await_jobs()
    _refuse_too_many_failures(env, eval_input, len(items))
    env.stack.append([job.job_output for job in pool.get_closed_jobs()])


def _refuse_too_many_failures(env: Any, eval_input: Any, items: int) -> None:
    counter = eval_input.map_run_record.item_counter
    failed = counter.failed.get() + counter.timed_out.get()
    most = max(eval_input.tolerated_failure_count, items * eval_input.tolerated_failure_percentage / 100)
    if failed > most:
        error = "States.ExceedToleratedFailureThreshold"
        cause = "The specified tolerated failure threshold was exceeded"
        details = EventDetails(mapRunFailedEventDetails=MapRunFailedEventDetails(error=error, cause=cause))
        event_type = HistoryEventType.MapRunFailed
        raise FailureEventException(FailureEvent(env, CustomErrorName(error), event_type, event_details=details))
