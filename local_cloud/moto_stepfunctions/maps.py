"""Distributed Map of thousands of items.

moto: a worker calls itself for its next item, so few workers with many items overflow the stack and hang;
it starts as many workers as MaxConcurrency says for a single item too; it keeps the history of all children
until the Map ends; and a failed child never fails the Map, whatever is tolerated.
"""

from __future__ import annotations

from moto.stepfunctions.parser.api import HistoryEventType, MapRunFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import (
    distributed_iteration_component,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.distributed_iteration_component import (  # noqa: E501
    DistributedIterationComponent,
    DistributedIterationComponentEvalInput,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor.distributed_item_processor_worker import (  # noqa: E501
    DistributedItemProcessorWorker,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.job import Job, JobPool
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager


def install() -> None:
    """Bounded stacks and threads, no kept histories, and the failures that were tolerated."""
    DistributedItemProcessorWorker._eval_pool = _work_off
    distributed_iteration_component.EventManager = _child_history
    DistributedIterationComponent._map_run = _map_run


def _work_off(worker: DistributedItemProcessorWorker, job: Job | None, worker_frame: Environment) -> None:
    """One item after the other, in a loop."""
    while job is not None:
        job_frame = worker_frame.open_inner_frame()
        worker._eval_job(env=job_frame, job=job)
        worker_frame.delete_frame(job_frame)
        worker._job_pool.close_job(job)
        job = None if worker.stopped() else worker._job_pool.next_job()


def _child_history() -> EventManager:
    """A history that keeps nothing: moto has no API to read that of a child, and all children share it."""
    history = EventManager()
    history._publish_history_event = lambda **_: None
    return history


def _map_run(
    component: DistributedIterationComponent,
    env: Environment,
    eval_input: DistributedIterationComponentEvalInput,
) -> None:
    items = env.stack.pop()
    record = eval_input.map_run_record
    pool = JobPool(job_program=component._get_iteration_program(), job_inputs=items)
    for _ in range(min(record.max_concurrency or len(items), len(items))):
        component._launch_worker(env=env, eval_input=eval_input, job_pool=pool)
    if items:
        pool.await_jobs()
    _refuse_too_many_failures(env, eval_input, len(items))
    env.stack.append([job.job_output for job in pool.get_closed_jobs()])


def _refuse_too_many_failures(
    env: Environment, eval_input: DistributedIterationComponentEvalInput, items: int
) -> None:
    counter = eval_input.map_run_record.item_counter
    failed = counter.failed.get() + counter.timed_out.get()
    most = max(eval_input.tolerated_failure_count, items * eval_input.tolerated_failure_percentage / 100)
    if failed > most:
        typ = StatesErrorNameType.StatesExceedToleratedFailureThreshold
        cause = "The specified tolerated failure threshold was exceeded"
        details = EventDetails(
            mapRunFailedEventDetails=MapRunFailedEventDetails(error=typ.to_name(), cause=cause)
        )
        event = FailureEvent(env, StatesErrorName(typ), HistoryEventType.MapRunFailed, event_details=details)
        raise FailureEventException(event)
