"""InvokeEndpoint through boto3: what reaches the container, what comes back, and what is refused."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.tests.patience import until
from local_aws.tests.sagemaker.conftest import Cloud


def invoke(cloud: Cloud, endpoint: str, body: Any, **parameters: str) -> dict[str, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer: dict[str, Any] = cloud.runtime.invoke_endpoint(EndpointName=endpoint, Body=data, **parameters)
    return {**answer, "Body": answer["Body"].read()}


def refused(cloud: Cloud, endpoint: str, body: Any, **parameters: str) -> dict[str, Any]:
    with pytest.raises(ClientError) as error:
        invoke(cloud, endpoint, body, **parameters)
    return dict(error.value.response)


def test_a_body_goes_through_as_it_is_and_only_known_headers_reach_the_container(cloud: Cloud) -> None:
    cloud.create("plain")
    data = bytes(range(256)) * 1000
    answer = invoke(cloud, "plain", data, ContentType="application/msgpack")
    assert answer["Body"] == data
    assert answer["InvokedProductionVariant"] == "main"
    assert (answer["ContentType"], answer["CustomAttributes"]) == ("application/json", "from=fake")

    told = {
        "ContentType": "application/x-order",
        "Accept": "application/json",
        "CustomAttributes": "tenant=7",
        "InferenceId": "abc",
        "SessionId": "s1",
        "TargetVariant": "main",
    }
    seen = {
        k.lower(): v for k, v in json.loads(invoke(cloud, "plain", {"echo": True}, **told)["Body"]).items()
    }
    assert {name: seen.pop(name) for name in ("host", "accept-encoding", "content-length")}
    assert seen == {
        "content-type": "application/x-order",
        "accept": "application/json",
        "x-amzn-sagemaker-custom-attributes": "tenant=7",
        "x-amzn-sagemaker-inference-id": "abc",
        "x-amzn-sagemaker-session-id": "s1",
    }
    assert len(cloud.metric("ModelLatency", "plain")) == 2
    assert len(cloud.metric("OverheadLatency", "plain")) == 2
    assert cloud.metric("Invocations", "plain") == [1, 1]


def test_an_answer_as_a_stream_is_one_part(cloud: Cloud) -> None:
    cloud.create("streamed")
    told = {"EndpointName": "streamed", "CustomAttributes": "tenant=7", "Accept": "text/plain"}
    answer = cloud.runtime.invoke_endpoint_with_response_stream(Body=b'{"echo": true}', **told)
    [event] = answer["Body"]
    seen = {name.lower(): value for name, value in json.loads(event["PayloadPart"]["Bytes"]).items()}
    assert seen["accept"] == "text/plain"
    assert seen["x-amzn-sagemaker-custom-attributes"] == "tenant=7"
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("application/json", "main")
    data = os.urandom(3_000_000)
    [event] = cloud.runtime.invoke_endpoint_with_response_stream(Body=data, **told)["Body"]
    assert event["PayloadPart"]["Bytes"] == data
    with pytest.raises(ClientError, match="ModelError") as error:
        cloud.runtime.invoke_endpoint_with_response_stream(Body=b'{"status": 400}', **told)
    assert error.value.response["OriginalStatusCode"] == 400


def test_what_a_call_asks_for_in_vain_is_refused_by_name(cloud: Cloud) -> None:
    cloud.create("one-variant")
    for name in ("TargetModel", "TargetContainerHostname", "EnableExplanations", "InferenceComponentName"):
        error = refused(cloud, "one-variant", b"", **{name: "any"})["Error"]
        assert error == {"Code": "ValidationError", "Message": f"The local AWS does not serve {name}."}
    error = refused(cloud, "one-variant", b"", TargetVariant="other")["Error"]
    assert "Variant other" in error["Message"]


def test_the_bounds_of_a_call(cloud: Cloud) -> None:
    cloud.create("bounds")
    limit = 6_291_456
    assert len(invoke(cloud, "bounds", b"x" * limit)["Body"]) == limit
    over = refused(cloud, "bounds", b"x" * (limit + 1))
    assert over["Error"]["Code"] == "ValidationError"
    assert "less than or equal to 6291456" in over["Error"]["Message"]
    assert refused(cloud, "bounds", b"", InferenceId="x" * 65)["Error"]["Code"] == "ValidationError"
    assert refused(cloud, "bounds", b"", CustomAttributes="x" * 1025)["Error"]["Code"] == "ValidationError"
    assert refused(cloud, "bounds", b"", SessionId="no spaces")["Error"]["Code"] == "ValidationError"


def test_who_is_not_there(cloud: Cloud) -> None:
    error = refused(cloud, "nobody", b"")["Error"]
    assert error == {
        "Code": "ValidationError",
        "Message": "Endpoint nobody of account 123456789012 not found.",
    }
    cloud.create("sleepy", asynchronous=True)
    assert "asynchronous" in refused(cloud, "sleepy", b"")["Error"]["Message"]


@pytest.mark.parametrize("status", [400, 503])
def test_an_error_of_the_container_is_a_model_error(cloud: Cloud, status: int) -> None:
    name = cloud.create(f"errors-{status}")
    text = "é" * 3000
    error = refused(cloud, name, {"status": status, "text": text})
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert error["Error"]["Code"] == "ModelError"
    assert error["OriginalStatusCode"] == status
    assert error["OriginalMessage"] == text[:2048]
    assert len(error["Error"]["Message"]) <= 2048
    assert error["LogStreamArn"].endswith(f"log-group:/aws/sagemaker/Endpoints/{name}")
    kind = {400: "Invocation4XXErrors", 503: "Invocation5XXErrors"}[status]
    assert cloud.metric(kind, name) == [1]


def test_a_container_that_dies(cloud: Cloud) -> None:
    cloud.create("dying", model="dying")
    before = cloud.sagemaker.hosts["dying"]
    error = refused(cloud, "dying", {"die": True})
    assert (error["Error"]["Code"], error["OriginalStatusCode"]) == ("ModelError", 0)
    until(lambda: cloud.sagemaker.hosts["dying"] not in ((), before))
    assert invoke(cloud, "dying", b"again")["Body"] == b"again"


def test_a_connection_that_the_container_closed_is_not_used_again(cloud: Cloud) -> None:
    cloud.create("rude")
    for _ in range(3):
        assert invoke(cloud, "rude", {"hang_up": True, "text": "bye"})["Body"] == b"bye"
    assert invoke(cloud, "rude", b"still there")["Body"] == b"still there"


def test_while_instances_are_replaced_a_caller_may_come_again(cloud: Cloud, tmp_path: Path) -> None:
    loaded = tmp_path / "loaded"
    loaded.touch()
    cloud.create("killed", model="killed", environment={"FAKE_LOADS_UNTIL": str(loaded)})
    (pid,) = cloud.sagemaker.hosts["killed"]
    loaded.unlink()
    os.kill(pid, signal.SIGKILL)
    until(lambda: cloud.sagemaker.hosts["killed"] == ())
    error = refused(cloud, "killed", b"")
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (
        "ServiceUnavailable",
        503,
    )
    loaded.touch()
    until(lambda: cloud.sagemaker.hosts["killed"] != ())
    assert invoke(cloud, "killed", b"again")["Body"] == b"again"


def test_a_container_whose_engine_is_broken_is_replaced(cloud: Cloud) -> None:
    cloud.create("sick", model="sick")
    before = cloud.sagemaker.hosts["sick"]
    refused(cloud, "sick", {"status": 500, "sick": True})
    until(lambda: cloud.sagemaker.hosts["sick"] not in ((), before))
    assert invoke(cloud, "sick", b"well")["Body"] == b"well"


def test_no_instance_no_capacity(cloud: Cloud) -> None:
    cloud.create("empty")
    cloud.sagemaker.set_instance_count("empty", 0)
    error = refused(cloud, "empty", b"")
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert "no capacity" in error["Error"]["Message"]
    assert cloud.metric("NoCapacityInvocationFailures", "empty") == [1]
