"""The local AWS as ordinary clients meet it."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.models.table import Table
from moto.s3.models import S3Backend
from werkzeug import Request, Response

from local_aws.account import CREDENTIALS
from local_aws.cloudwatch.metrics import publish
from local_aws.errors import ConfigurationError
from local_aws.server import AwsServer
from local_aws.tests.patience import PATIENCE


@pytest.fixture
def aws() -> Iterator[AwsServer]:
    with AwsServer() as server:
        yield server


@pytest.mark.parametrize("key", ["plain", "a b/é/%2e%2e/+&?#.pdf", "x" * 1_024])
def test_what_is_put_is_got(aws: AwsServer, key: str) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="bucket")
    body = os.urandom(3_000_000)  # large enough for boto3 to ask first: Expect: 100-continue
    s3.put_object(Bucket="bucket", Key=key, Body=body)
    assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == body
    assert s3.head_object(Bucket="bucket", Key=key)["ContentLength"] == len(body)
    assert [thing["Key"] for thing in s3.list_objects_v2(Bucket="bucket")["Contents"]] == [key]


def test_a_body_of_unknown_length_is_taken_whole(aws: AwsServer) -> None:
    s3, thing = aws.client("s3"), {"Bucket": "bucket", "Key": "key"}
    s3.create_bucket(Bucket="bucket")
    url = s3.generate_presigned_url("put_object", Params=thing)
    with httpx.Client(timeout=PATIENCE) as http:
        for _ in range(2):
            assert http.put(url, content=(b"part " for _ in range(1_000))).status_code == 200
    assert s3.get_object(**thing)["Body"].read() == b"part " * 1_000


def test_a_connection_serves_many_requests_whatever_their_answers(aws: AwsServer) -> None:
    ports: set[int] = set()

    def answer(request: Request, _match: re.Match[str]) -> Response:
        ports.add(request.environ["REMOTE_PORT"])
        return Response("refused without a look at the body", 413)

    aws.add_route("POST", re.compile("/refuse"), answer)
    with httpx.Client(base_url=aws.endpoint_url, timeout=PATIENCE) as http:
        for size in (0, 1, 2_000_000, 1):
            assert http.post("/refuse", content=b"x" * size).status_code == 413
    assert len(ports) == 1


def test_a_route_goes_before_moto_and_gets_the_decoded_path(aws: AwsServer) -> None:
    def answer(request: Request, match: re.Match[str]) -> Response:
        return Response(json.dumps({"name": match["name"], "body": request.get_data(as_text=True)}))

    aws.add_route("POST", re.compile(r"/2015-03-31/functions/(?P<name>[^/]+)/invocations"), answer)
    arn = "arn:aws:lambda:us-east-1:123456789012:function:naïve"
    answered = aws.client("lambda").invoke(FunctionName="a-function", Payload=b"{}")
    assert json.load(answered["Payload"]) == {"name": "a-function", "body": "{}"}
    url = f"{aws.endpoint_url}/2015-03-31/functions/{arn.replace(':', '%3A')}/invocations"
    assert httpx.post(url, content=b"[]", timeout=PATIENCE).json() == {"name": arn, "body": "[]"}


def test_a_route_that_fails_is_a_500_and_the_server_lives(aws: AwsServer) -> None:
    def answer(_request: Request, _match: re.Match[str]) -> Response:
        raise RuntimeError("broken")

    aws.add_route("GET", re.compile("/broken"), answer)
    assert httpx.get(aws.endpoint_url + "/broken", timeout=PATIENCE).status_code == 500
    assert httpx.get(aws.endpoint_url + "/_local/health", timeout=PATIENCE).status_code == 503


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(aws: AwsServer, request_bytes: bytes) -> None:
    with socket.create_connection(("127.0.0.1", aws.port), timeout=PATIENCE) as connection:
        connection.sendall(request_bytes)
        assert re.search(rb"\b4\d\d\b", connection.recv(4_096))


def test_health_is_good_when_the_resources_are_there(aws: AwsServer) -> None:
    assert httpx.get(aws.endpoint_url + "/_local/health", timeout=PATIENCE).status_code == 503
    aws.ready.set()
    assert httpx.get(aws.endpoint_url + "/_local/health", timeout=PATIENCE).json() == {"ready": True}


def test_a_process_has_one_server_at_a_time_and_the_next_one_starts_empty() -> None:
    with AwsServer() as first:
        first.client("s3").create_bucket(Bucket="bucket")
        with pytest.raises(ConfigurationError, match="already"), AwsServer():
            pass
    with AwsServer() as second:
        assert second.client("s3").list_buckets()["Buckets"] == []


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=str(port)), AwsServer(port):
            pass
    with AwsServer():
        pass  # the failed start left nothing behind


def test_a_stopped_server_answers_nobody() -> None:
    with httpx.Client(timeout=PATIENCE) as http:
        with AwsServer() as aws:
            health = f"{aws.endpoint_url}/_local/health"
            assert http.get(health).status_code == 503
        with pytest.raises(httpx.TransportError):
            http.get(health)
    assert "MOTO_PORT" not in os.environ


def test_of_many_conditional_writes_at_once_one_wins(aws: AwsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    s3, dynamodb = aws.client("s3"), aws.client("dynamodb")
    s3.create_bucket(Bucket="bucket")
    dynamodb.create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
    )

    def object_first(number: int) -> None:
        s3.put_object(Bucket="bucket", Key="key", Body=str(number), IfNoneMatch="*")

    def item_first(number: int) -> None:
        item = {"key": {"S": "key"}, "by": {"N": str(number)}}
        dynamodb.put_item(
            TableName="table",
            Item=item,
            ConditionExpression="attribute_not_exists(#k)",
            ExpressionAttributeNames={"#k": "key"},
        )

    # Threads meet between the look and the write, where they rarely would.
    for owner, name in ((S3Backend, "get_object"), (Table, "get_item")):
        monkeypatch.setattr(owner, name, _slowly(getattr(owner, name)))
    for write in (object_first, item_first):
        assert _outcomes(write, 8) == {"won": 1, "lost": 7}


def _slowly(look: Callable[..., Any]) -> Callable[..., Any]:
    def slow(*args: Any, **kwargs: Any) -> Any:
        found = look(*args, **kwargs)
        time.sleep(0.01)
        return found

    return slow


def _outcomes(write: Callable[[int], None], count: int) -> Counter[str]:
    together = threading.Barrier(count)

    def attempt(number: int) -> str:
        together.wait(PATIENCE)
        try:
            write(number)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            return "lost" if code in {"PreconditionFailed", "ConditionalCheckFailedException"} else code
        return "won"

    with ThreadPoolExecutor(count) as pool:
        return Counter(pool.map(attempt, range(count)))


def test_published_metrics_are_read_with_the_api(aws: AwsServer) -> None:
    dimension = {"Name": "EndpointName", "Value": "ocr"}
    datum: dict[str, Any] = {"MetricName": "ApproximateBacklogSize", "Dimensions": [dimension], "Value": 3.0}
    publish("AWS/SageMaker", [datum])
    cloudwatch = boto3.client("cloudwatch", endpoint_url=aws.endpoint_url, **CREDENTIALS)  # type: ignore[call-overload]
    [metric] = cloudwatch.list_metrics(Namespace="AWS/SageMaker")["Metrics"]
    assert (metric["MetricName"], metric["Dimensions"]) == ("ApproximateBacklogSize", [dimension])
