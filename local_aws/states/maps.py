"""Distributed Map of thousands of items: bounded stacks and threads, and the failures that are tolerated."""

from __future__ import annotations

from typing import Final

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
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
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager

from local_aws.states.executions import failure
from local_aws.states.seams import SEAMS, STATES

_ITERATION: Final = f"{STATES}.exec.state_map.iteration"


@SEAMS.replaces(
    f"{_ITERATION}.itemprocessor.distributed_item_processor_worker:DistributedItemProcessorWorker._eval_pool"
)
def _work_off(
    _state: object,
    _original: object,
    worker: DistributedItemProcessorWorker,
    job: Job | None,
    worker_frame: Environment,
) -> None:
    """One item after the other, in a loop."""
    while job is not None:
        job_frame = worker_frame.open_inner_frame()
        worker._eval_job(env=job_frame, job=job)
        worker_frame.delete_frame(job_frame)
        worker._job_pool.close_job(job)
        job = None if worker.stopped() else worker._job_pool.next_job()


@SEAMS.replaces(f"{_ITERATION}.distributed_iteration_component:EventManager")
def _child_history(_state: object, _original: object) -> EventManager:
    """A history that keeps nothing: moto has no API to read that of a child, and all children share it."""
    history = EventManager()
    history._publish_history_event = lambda **_: None
    return history


@SEAMS.replaces(f"{_ITERATION}.distributed_iteration_component:DistributedIterationComponent._map_run")
def _map_run(
    _state: object,
    _original: object,
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
    failed = record.item_counter.failed.get() + record.item_counter.timed_out.get()
    if failed > max(record.tolerated_failure_count, len(items) * record.tolerated_failure_percentage / 100):
        cause = "The specified tolerated failure threshold was exceeded"
        error = StatesErrorNameType.StatesExceedToleratedFailureThreshold
        raise failure(env, error, cause, HistoryEventType.MapRunFailed, "mapRunFailedEventDetails")
    env.stack.append([job.job_output for job in pool.get_closed_jobs()])
