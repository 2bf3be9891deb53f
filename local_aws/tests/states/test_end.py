"""The end of a local AWS is the end of its executions."""

from __future__ import annotations

import json
import threading

from local_aws import LocalAws
from local_aws.account import arn
from local_aws.tests.patience import until

WAIT = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 3_600, "End": True}}}


def test_no_thread_of_an_execution_outlives_it() -> None:
    before = set(threading.enumerate())
    with LocalAws() as aws:
        states = aws.client("stepfunctions")
        role = arn("iam", "role/anyone").replace(":us-east-1:", "::")
        machine = states.create_state_machine(name="m", definition=json.dumps(WAIT), roleArn=role)
        execution = states.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
        until(
            lambda: any(
                event["type"] == "WaitStateEntered"
                for event in states.get_execution_history(executionArn=execution)["events"]
            )
        )
    until(lambda: not any("eval" in thread.name for thread in set(threading.enumerate()) - before))
