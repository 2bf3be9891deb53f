"""InvokeEndpointAsync through boto3: S3 in, S3 out, SNS, and every way to fail."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.tests.patience import until
from local_aws.tests.sagemaker.conftest import BUCKET, Cloud


def submit(cloud: Cloud, endpoint: str, body: Any = b"input", **parameters: Any) -> dict[str, Any]:
    """Put a body into S3 and invoke."""
    location = cloud.put(f"in/{endpoint}", body)
    answer: dict[str, Any] = cloud.runtime.invoke_endpoint_async(
        EndpointName=endpoint, InputLocation=location, **parameters
    )
    return answer


def in_flight(cloud: Cloud, endpoint: str) -> int:
    """Requests that its containers work on."""
    return cloud.sagemaker._endpoints[endpoint].in_flight


def refused(cloud: Cloud, endpoint: str, **parameters: Any) -> str:
    with pytest.raises(ClientError) as error:
        cloud.runtime.invoke_endpoint_async(EndpointName=endpoint, **parameters)
    assert error.value.response["Error"]["Code"] == "ValidationError"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return str(error.value.response["Error"]["Message"])


def test_from_s3_to_s3_with_a_message(cloud: Cloud) -> None:
    cloud.create("whole", asynchronous=True)
    answer = submit(
        cloud,
        "whole",
        b"\x00pixels",
        InferenceId="job-1",
        ContentType="application/msgpack",
        Accept="application/json",
        CustomAttributes="tenant=7",
        S3OutputPathExtension="jobs/a/1/0-1-8",
        Filename="regions.msgpack",
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert answer["InferenceId"] == "job-1"
    assert answer["OutputLocation"] == f"s3://{BUCKET}/jobs/a/1/0-1-8/regions.msgpack"
    assert answer["FailureLocation"].startswith(f"s3://{BUCKET}/failures/")
    (message,) = cloud.messages("whole", "success")
    assert cloud.get(answer["OutputLocation"]) == b"\x00pixels"
    assert message.pop("eventTime") >= message.pop("receivedTime")
    assert message == {
        "awsRegion": "us-east-1",
        "invocationStatus": "Completed",
        "requestParameters": {
            "accept": "application/json",
            "contentType": "application/msgpack",
            "customAttributes": "tenant=7",
            "endpointName": "whole",
            "inputLocation": f"s3://{BUCKET}/in/whole",
        },
        "responseParameters": {
            "contentType": "application/json",
            "outputLocation": answer["OutputLocation"],
        },
        "inferenceId": "job-1",
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    for metric in ("InvocationsProcesssed", "ModelLatency", "TimeInBacklog", "TotalProcessingTime"):
        assert len(cloud.metric(metric, "whole")) == 1
    assert cloud.metric("Invocations", "whole") == []


def test_an_output_key_of_its_own_is_not_the_inference_id(cloud: Cloud) -> None:
    cloud.create("inline", asynchronous=True)
    answer = cloud.runtime.invoke_endpoint_async(EndpointName="inline", Body=b"{}", InferenceId="mine")
    (message,) = cloud.messages("inline", "success")
    assert message["inferenceId"] == "mine"
    assert "inputLocation" not in message["requestParameters"]
    assert "mine" not in answer["OutputLocation"]
    assert answer["OutputLocation"].endswith(".out")
    assert cloud.get(answer["OutputLocation"]) == b"{}"


def test_what_is_refused_at_the_door(cloud: Cloud) -> None:
    cloud.create("door", asynchronous=True)
    there = "s3://work/in/any"
    assert "S3 URI" in refused(cloud, "door", InputLocation="https://work.s3.amazonaws.com/in/any")
    assert "S3 URI" in refused(cloud, "door", InputLocation="s3://work")
    assert "inputLocation" in refused(cloud, "door", InputLocation="ftp://work/any")
    assert "exactly one" in refused(cloud, "door")
    assert "exactly one" in refused(cloud, "door", InputLocation=there, Body=b"{}")
    assert "128000" in refused(cloud, "door", Body=b"x" * 128_001)
    for name, value in {
        "InferenceId": "x" * 65,
        "CustomAttributes": "x" * 1_025,
        "RequestTTLSeconds": 59,
        "InvocationTimeoutSeconds": 3_601,
        "S3OutputPathExtension": "x" * 513,
        "Filename": "x" * 33,
    }.items():
        message = refused(cloud, "door", InputLocation=there, **{name: value})
        assert name[0].lower() + name[1:] in message
    assert "pattern" in refused(cloud, "door", InputLocation=there, Filename="../up")
    assert "pattern" in refused(cloud, "door", InputLocation=there, S3OutputPathExtension="s3:other")
    cloud.create("other")
    assert "not asynchronous" in refused(cloud, "other", InputLocation=there)
    assert "not found" in refused(cloud, "nobody", InputLocation=there)
    assert cloud.metric("ApproximateBacklogSize", "door") == [0]


def failed(cloud: Cloud, endpoint: str, answer: dict[str, Any]) -> str:
    """The reason in the message, after a look at everything else that a failure leaves."""
    (message,) = cloud.messages(endpoint, "error")
    assert message["invocationStatus"] == "Failed"
    assert message["inferenceId"] == answer["InferenceId"]
    assert "responseParameters" not in message
    assert cloud.get(answer["FailureLocation"])
    assert cloud.metric("InvocationFailures", endpoint) == [1]
    with pytest.raises(ClientError, match="NoSuchKey"):
        cloud.get(answer["OutputLocation"])
    return str(message["failureReason"])


def test_a_client_error_is_not_tried_again(cloud: Cloud) -> None:
    cloud.create("client-error", asynchronous=True)
    answer = submit(cloud, "client-error", {"status": 400, "text": "no page"})
    assert failed(cloud, "client-error", answer).startswith(
        'ClientError: Received client error (400) from model with message "no page".'
    )
    assert cloud.get(answer["FailureLocation"]) == b"no page"
    assert len(cloud.metric("ModelLatency", "client-error")) == 1


def test_a_server_error_is_tried_again_as_often_as_set(cloud: Cloud, tmp_path: Path) -> None:
    cloud.create("server-error", asynchronous=True)
    submit(cloud, "server-error", {"status": 500, "once": str(tmp_path / "once")})
    cloud.messages("server-error", "success")
    answer = submit(cloud, "server-error", {"status": 500})
    assert "Received server error (500) from model" in failed(cloud, "server-error", answer)
    assert len(cloud.metric("ModelLatency", "server-error")) == 2 + 3


def test_a_chunked_answer_fails(cloud: Cloud) -> None:
    cloud.create("chunked", asynchronous=True)
    assert "Content-Length" in failed(cloud, "chunked", submit(cloud, "chunked", {"chunked": True}))


def test_an_answer_that_takes_too_long(cloud: Cloud) -> None:
    cloud.create("late", asynchronous=True)
    answer = submit(cloud, "late", {"seconds": 30}, InvocationTimeoutSeconds=1)
    assert "within 1 seconds" in failed(cloud, "late", answer)


def test_an_input_that_is_gone(cloud: Cloud) -> None:
    cloud.create("gone", asynchronous=True)
    answer = cloud.runtime.invoke_endpoint_async(EndpointName="gone", InputLocation="s3://work/in/nothing")
    assert "could not download s3://work/in/nothing" in failed(cloud, "gone", answer)
    assert cloud.metric("RequestDownloadFailures", "gone") == [1]


def test_no_more_at_once_than_the_endpoint_allows(cloud: Cloud, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    cloud.create("crowd", model="crowd", asynchronous=True, concurrency=2)
    cloud.sagemaker.set_instance_count("crowd", 0)
    for _ in range(6):
        submit(cloud, "crowd", {"gate": str(gate)})
    cloud.sagemaker.set_instance_count("crowd", 1)
    until(lambda: in_flight(cloud, "crowd") == 2)
    assert cloud.metric("ApproximateBacklogSize", "crowd") == [6]
    assert cloud.metric("ApproximateBacklogSizePerInstance", "crowd")[0] == 6
    assert cloud.metric("ApproximateAgeOfOldestRequest", "crowd")[0] > 0
    assert cloud.metric("HasBacklogWithoutCapacity", "crowd")[0] == 0
    assert in_flight(cloud, "crowd") == 2
    gate.touch()
    cloud.messages("crowd", "success", 6)


def test_a_killed_container_loses_nothing(cloud: Cloud, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    cloud.create("killed-batch", model="killed-batch", asynchronous=True)
    ids = {
        submit(cloud, "killed-batch", {"gate": str(gate)}, InferenceId=str(n))["InferenceId"]
        for n in range(4)
    }
    (pid,) = cloud.sagemaker.hosts["killed-batch"]
    until(lambda: in_flight(cloud, "killed-batch") == 2)
    os.kill(pid, signal.SIGKILL)
    gate.touch()
    messages = cloud.messages("killed-batch", "success", 4)
    assert sorted(message["inferenceId"] for message in messages) == sorted(ids)
    assert pid not in cloud.sagemaker.hosts["killed-batch"]


def test_a_request_that_kills_every_instance_is_given_up(cloud: Cloud) -> None:
    cloud.create("poison", model="poison", asynchronous=True)
    answer = submit(cloud, "poison", {"die": True})
    assert "ended before" in failed(cloud, "poison", answer)


def test_requests_wait_for_the_first_instance(cloud: Cloud) -> None:
    cloud.create("asleep", model="asleep", asynchronous=True)
    cloud.sagemaker.set_instance_count("asleep", 0)
    until(lambda: cloud.sagemaker.hosts["asleep"] == ())
    submit(cloud, "asleep")
    assert cloud.metric("HasBacklogWithoutCapacity", "asleep") == [1]
    assert cloud.metric("ApproximateBacklogSizePerInstance", "asleep") == []
    cloud.sagemaker.set_instance_count("asleep", 1)
    cloud.messages("asleep", "success")


def test_when_an_invocation_came_was_begun_and_answered_is_remembered(cloud: Cloud) -> None:
    cloud.create("told", model="told", asynchronous=True)
    cloud.sagemaker.set_instance_count("told", 0)
    until(lambda: cloud.sagemaker.hosts["told"] == ())
    submit(cloud, "told", {"seconds": 0.3}, InferenceId="one")
    cloud.sagemaker.set_instance_count("told", 1)
    until(lambda: cloud.sagemaker.answered["told"])
    [told] = cloud.sagemaker.answered["told"]
    assert told["inference_id"] == "one"
    assert told["accepted"] < told["begun"] <= told["answered"] - 0.3
    assert [count for _, count in cloud.sagemaker.instance_counts("told")] == [1, 0, 1]
    since = [moment for moment, _ in cloud.sagemaker.instance_counts("told")]
    assert since == sorted(since)


def test_work_in_flight_outlives_its_instance(cloud: Cloud, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    cloud.create("draining", model="draining", asynchronous=True, instances=2, concurrency=1)
    assert len(set(cloud.sagemaker.hosts["draining"])) == 2
    for _ in range(2):
        submit(cloud, "draining", {"gate": str(gate)})
    until(lambda: in_flight(cloud, "draining") == 2)
    cloud.sagemaker.set_instance_count("draining", 0)
    assert cloud.sagemaker.hosts["draining"] == ()
    gate.touch()
    assert len(cloud.messages("draining", "success", 2)) == 2
    assert cloud.metric("InvocationFailures", "draining") == []


def test_a_message_that_cannot_be_published_is_counted(cloud: Cloud) -> None:
    cloud.create("deaf", asynchronous=True)
    cloud.client("sns").delete_topic(TopicArn=cloud.topic("deaf", "success"))
    answer = submit(cloud, "deaf")
    until(lambda: cloud.metric("NotificationFailures", "deaf") == [1])
    assert cloud.get(answer["OutputLocation"]) == b"input"


def test_requests_from_many_callers_each_get_one_output(cloud: Cloud) -> None:
    cloud.create("many", asynchronous=True, concurrency=4)
    location, runtime = cloud.put("in/many", json.dumps({"seconds": 0.01}).encode()), cloud.runtime

    def call(caller: int) -> None:
        for number in range(10):
            runtime.invoke_endpoint_async(
                EndpointName="many", InputLocation=location, InferenceId=f"{caller}-{number}"
            )

    callers = [threading.Thread(target=call, args=(caller,)) for caller in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    messages = cloud.messages("many", "success", 40)
    assert len({message["inferenceId"] for message in messages}) == len(messages) == 40
