"""The Invoke operation, called with boto3 over HTTP."""

import base64
import json
import threading

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from werkzeug import Request, Response
from werkzeug.serving import make_server

from local_aws.functions import routes
from local_aws.tests.patience import until


@pytest.fixture(scope="module")
def client(pool):
    @Request.application
    def application(request: Request) -> Response:
        for method, pattern, answer in routes(pool):
            path = request.environ["RAW_URI"] if "%" in request.environ.get("RAW_URI", "") else request.path
            if method == request.method and (match := pattern.fullmatch(path)):
                return answer(request, match)
        return Response(status=404)

    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield boto3.client(
        "lambda",
        endpoint_url=f"http://127.0.0.1:{server.port}",
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106
        config=Config(retries={"total_max_attempts": 1}),
    )
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "name",
    [
        "plain",
        "plain:$LATEST",
        "123456789012:function:plain",
        "function:plain",
        "arn:aws:lambda:us-east-1:123456789012:function:plain",
        "arn:aws:lambda:us-east-1:123456789012:function:plain:$LATEST",
    ],
)
def test_a_function_is_called_by_any_form_of_its_name(client, name):
    done = client.invoke(FunctionName=name, Payload=b'{"page": 1}')
    assert done["StatusCode"] == 200
    assert "FunctionError" not in done
    assert done["ExecutedVersion"] == "$LATEST"
    fields = json.loads(done["Payload"].read())
    assert fields["event"] == {"page": 1}
    assert fields["context"]["aws_request_id"] == done["ResponseMetadata"]["RequestId"]


def test_a_failed_call_has_status_200_and_a_function_error(client):
    done = client.invoke(FunctionName="fail", Payload=b'{"why": "x"}', LogType="Tail")
    assert (done["StatusCode"], done["FunctionError"]) == (200, "Unhandled")
    assert json.loads(done["Payload"].read())["errorType"] == "TransientError"
    assert b"[ERROR] TransientError: x" in base64.b64decode(done["LogResult"])


@pytest.mark.parametrize(
    ("call", "code", "status"),
    [
        ({"FunctionName": "nobody"}, "ResourceNotFoundException", 404),
        ({"FunctionName": "plain", "Payload": b"{"}, "InvalidRequestContentException", 400),
        ({"FunctionName": "plain", "Payload": b"\xff"}, "InvalidRequestContentException", 400),
        ({"FunctionName": "plain", "Payload": b"[" * 100_000}, "InvalidRequestContentException", 400),
        (
            {"FunctionName": "plain", "Payload": b'"%s"' % (b"x" * 6 * 2**20)},
            "RequestEntityTooLargeException",
            413,
        ),
        (
            {"FunctionName": "plain", "InvocationType": "Event", "Payload": b'"%s"' % (b"x" * 2**20)},
            "RequestEntityTooLargeException",
            413,
        ),
    ],
)
def test_a_call_that_cannot_be_made_is_refused(client, call, code, status):
    with pytest.raises(ClientError) as refused:
        client.invoke(**call)
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_boto3_knows_the_errors_by_their_classes(client):
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="Function not found"):
        client.invoke(FunctionName="nobody")


def test_above_the_concurrency_a_call_is_throttled(client, pool, tmp_path):
    mark, gate = tmp_path / "begun", tmp_path / "gate"
    event = json.dumps({"seconds": 0, "mark": str(mark), "gate": str(gate)}).encode()
    busy = threading.Thread(target=pool.invoke, args=("one", event))
    busy.start()
    until(mark.exists)
    with pytest.raises(client.exceptions.TooManyRequestsException):
        client.invoke(FunctionName="one", Payload=b'{"seconds": 0}')
    gate.touch()
    busy.join()


def test_an_event_is_taken_and_served_later(client, tmp_path):
    mark = tmp_path / "mark"
    event = json.dumps({"seconds": 0, "mark": str(mark)}).encode()
    done = client.invoke(FunctionName="one", InvocationType="Event", Payload=event)
    assert (done["StatusCode"], done["Payload"].read()) == (202, b"")
    until(mark.exists)


def test_a_dry_run_runs_nothing(client, pool):
    calls = json.loads(pool.invoke("plain", b"{}").payload)["calls"]
    assert client.invoke(FunctionName="plain", InvocationType="DryRun")["StatusCode"] == 204
    assert json.loads(pool.invoke("plain", b"{}").payload)["calls"] == calls + 1
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="nobody", InvocationType="DryRun")
