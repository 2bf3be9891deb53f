"""ListExecutions, DescribeExecution and GetExecutionHistory: complete, in order, and with their end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.stepfunctions.exceptions import ValidationException
from moto.stepfunctions.parser.api import ExecutionStatus, HistoryEventType
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.responses import StepFunctionResponse
from moto.utilities.paginator import Paginator

from local_aws.states.executions import ending
from local_aws.states.seams import RESPONSES, SEAMS
from local_aws.states.stops import environment_of
from local_aws.unserved import NotServedError

_LARGEST_PAGE: Final = 1_000
_ENDS: Final = {
    ExecutionStatus.SUCCEEDED: HistoryEventType.ExecutionSucceeded,
    ExecutionStatus.FAILED: HistoryEventType.ExecutionFailed,
    ExecutionStatus.ABORTED: HistoryEventType.ExecutionAborted,
    ExecutionStatus.TIMED_OUT: HistoryEventType.ExecutionTimedOut,
}


@SEAMS.replaces(f"{RESPONSES}.describe_execution")
def _describe_execution(_state: object, _original: object, call: StepFunctionResponse) -> ActionResult:
    execution = call.stepfunction_backend.describe_execution(call._get_param("executionArn"))
    with ending:
        described = {**execution.to_describe_output(), "input": execution.execution_input}
        return ActionResult(_known(described, execution))


@SEAMS.replaces(f"{RESPONSES}.list_executions")
def _list_executions(_state: object, _original: object, call: StepFunctionResponse) -> ActionResult:
    if call._get_param("mapRunArn") or call._get_param("redriveFilter"):
        raise NotServedError("by mapRunArn or redriveFilter")
    executions, token = call.stepfunction_backend.list_executions(
        call._get_param("stateMachineArn"),
        status_filter=call._get_param("statusFilter"),
        max_results=_page_size(call),
        next_token=call._get_param("nextToken"),
    )
    with ending:
        listed = [_known(execution.to_execution_list_item(), execution) for execution in executions]
    return ActionResult({"executions": listed, "nextToken": token})


@SEAMS.replaces(f"{RESPONSES}.get_execution_history")
def _get_execution_history(_state: object, _original: object, call: StepFunctionResponse) -> ActionResult:
    if call._get_param("includeExecutionData") is False:
        raise NotServedError("with includeExecutionData = false")
    arn, reverse = call._get_param("executionArn"), bool(call._get_param("reverseOrder"))
    paginator = Paginator(
        max_results=_page_size(call),
        max_results_default=100,
        starting_token=call._get_param("nextToken"),
        unique_attribute="id",
        param_values_to_check={"arn": arn, "reverse": reverse},
    )
    history = list(_until_the_end(call.stepfunction_backend.describe_execution(arn)))
    events, token = paginator.paginate(history[::-1] if reverse else history)
    return ActionResult({"events": events, "nextToken": token})


def _known(described: dict[str, Any], execution: Execution) -> dict[str, Any]:
    # Others may list an execution before its start has set a status.
    members = {**described, "status": execution.status}
    return {name: value for name, value in members.items() if value is not None}


def _page_size(call: StepFunctionResponse) -> int:
    size = call._get_int_param("maxResults", 0)
    if not 0 <= size <= _LARGEST_PAGE:
        raise ValidationException(f"maxResults is {size}: it must be from 0 to {_LARGEST_PAGE}")
    return int(size)


def _until_the_end(execution: Execution) -> Iterator[dict[str, Any]]:
    """The threads of an execution that was stopped may see another end, before it and after it."""
    end = _ENDS.get(execution.exec_status)
    for event in list(environment_of(execution).event_manager._history_event_list):
        if event["type"] == end or event["type"] not in _ENDS.values():
            yield event
        if event["type"] == end:
            return
