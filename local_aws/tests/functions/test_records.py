"""Functions that a client makes with CreateFunction, as boto3 meets them."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local_aws import Component, FunctionSpec, LocalAws, Settings
from local_aws.tests.patience import until

from .conftest import HANDLERS

ROLE = "arn:aws:iam::123456789012:role/functions"
CODE = """
import os, pathlib, boto3
GREETING = os.environ.get("GREETING", "hello")
def greet(event, context):
    return {"greeting": GREETING, "text": pathlib.Path("text.txt").read_text(), "event": event}
def forward(event, context):
    queue = boto3.resource("sqs").get_queue_by_name(QueueName=os.environ["QUEUE"])
    for record in event["Records"]:
        queue.send_message(MessageBody=record["body"])
def fail(event, context):
    raise ValueError("never")
"""


def packed(**files):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        for name, text in {"app.py": CODE, "text.txt": "one", **files}.items():
            opened.writestr(name, text)
    return archive.getvalue()


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    given = FunctionSpec(f"{HANDLERS}.echo", concurrency=2, environment={"GIVEN": "yes"})
    settings = Settings(log_dir=tmp_path_factory.mktemp("logs"), metrics=False, patience_seconds=0.1)
    with LocalAws(Component(functions={"given": given}), settings) as running:
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        running.client("iam").create_role(RoleName="functions", AssumeRolePolicyDocument=trust)
        yield running


@pytest.fixture
def functions(aws):
    """The client of Lambda; what was made with it is gone afterwards."""
    client = aws.client("lambda")
    yield client
    for function in client.list_functions()["Functions"]:
        client.delete_function(FunctionName=function["FunctionName"])
    for mapping in client.list_event_source_mappings()["EventSourceMappings"]:
        client.delete_event_source_mapping(UUID=mapping["UUID"])


@pytest.fixture
def create(functions):
    def make(handler="app.greet", code=None, **members):
        settings = {
            "FunctionName": "f",
            "Runtime": "python3.11",
            "Role": ROLE,
            "Timeout": 30,
            "MemorySize": 512,
        }
        return functions.create_function(
            **settings | members, Handler=handler, Code=code or {"ZipFile": packed()}
        )

    return make


@pytest.fixture
def queue(aws, request):
    """The address of an empty queue."""
    return aws.client("sqs").create_queue(QueueName=request.node.name[:80].replace("[", "-").strip("]"))[
        "QueueUrl"
    ]


def arn(url):
    return f"arn:aws:sqs:us-east-1:123456789012:{url.rpartition('/')[2]}"


def received(aws, url):
    """The next message, however long that takes."""
    found = []

    def poll():
        found.extend(
            aws.client("sqs")
            .receive_message(QueueUrl=url, WaitTimeSeconds=5, MessageAttributeNames=["All"])
            .get("Messages", [])
        )
        return found

    until(poll)
    return found[0]


def call(functions, name="f", payload=b"{}"):
    done = functions.invoke(FunctionName=name, Payload=payload)
    answer = json.loads(done["Payload"].read())
    assert "FunctionError" not in done, answer
    return answer


def error(functions, name="f"):
    return json.loads(functions.invoke(FunctionName=name)["Payload"].read())["errorType"]


def refused(operation, **parameters):
    with pytest.raises(ClientError) as refusal:
        operation(**parameters)
    return refusal.value.response["Error"]["Code"], refusal.value.response["Error"]["Message"]


def test_a_zip_file_runs_where_it_is_unpacked(functions, create):
    create(Environment={"Variables": {"GREETING": "bonjour"}})
    assert call(functions, payload=b'"x"') == {"greeting": "bonjour", "text": "one", "event": "x"}
    found = functions.get_function_configuration(FunctionName="f")
    assert (found["Handler"], found["State"], found["Version"]) == ("app.greet", "Active", "$LATEST")


def test_a_zip_file_may_lie_in_s3_and_its_handler_in_a_folder(aws, functions, create):
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key="f.zip", Body=packed(**{"inner/deep.py": "def run(*_): return 'deep'"}))
    create("inner/deep.run", {"S3Bucket": "code", "S3Key": "f.zip"})
    assert call(functions) == "deep"
    code, message = refused(create, FunctionName="g", code={"S3Bucket": "code", "S3Key": "nothing"})
    assert (code, "NoSuchKey" in message) == ("InvalidParameterValueException", True)


def test_new_code_and_a_new_configuration_count_from_the_next_call_on(functions, create):
    create()
    functions.update_function_code(FunctionName="f", ZipFile=packed(**{"text.txt": "two"}))
    assert call(functions)["text"] == "two"
    variables = {"GREETING": "salut"}
    functions.update_function_configuration(FunctionName="f", Environment={"Variables": variables})
    assert call(functions) == {"greeting": "salut", "text": "two", "event": {}}
    functions.update_function_configuration(FunctionName="f", Environment={})
    assert call(functions)["greeting"] == "hello"


def test_an_invocation_under_way_ends_as_it_began(functions, create, tmp_path):
    mark, gate = tmp_path / "mark", tmp_path / "gate"
    code = """
import os, pathlib, time
def run(event, context):
    pathlib.Path(event["mark"]).write_text(os.environ["VERSION"])
    while not pathlib.Path(event["gate"]).exists():
        time.sleep(0.01)
    pathlib.Path(event["mark"]).write_text("done by " + os.environ["VERSION"])
"""
    create("old.run", {"ZipFile": packed(**{"old.py": code})}, Environment={"Variables": {"VERSION": "1"}})
    event = json.dumps({"mark": str(mark), "gate": str(gate)}).encode()
    functions.invoke(FunctionName="f", InvocationType="Event", Payload=event)
    until(lambda: mark.exists() and mark.read_text() == "1")
    functions.update_function_configuration(FunctionName="f", Environment={"Variables": {"VERSION": "2"}})
    gate.touch()
    until(lambda: mark.read_text() == "done by 1")
    call(functions, payload=event)
    assert mark.read_text() == "done by 2"


def test_a_function_that_was_deleted_is_gone_and_may_come_again(functions, create):
    create()
    functions.delete_function(FunctionName="f")
    assert refused(functions.invoke, FunctionName="f")[0] == "ResourceNotFoundException"
    assert refused(functions.get_function, FunctionName="f")[0] == "ResourceNotFoundException"
    create()
    assert call(functions)["text"] == "one"
    assert refused(create)[0] == "ResourceConflictException"


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        ("app.absent", "Runtime.HandlerNotFound"),
        ("absent.greet", "Runtime.ImportModuleError"),
        ("greet", "Runtime.MalformedHandlerName"),
        ("broken.greet", "Runtime.UserCodeSyntaxError"),
        ("attribute.greet", "AttributeError"),
    ],
)
def test_a_handler_that_cannot_be_loaded_fails_each_call(functions, create, handler, kind):
    create(handler, {"ZipFile": packed(**{"broken.py": "def", "attribute.py": "object.absent"})})
    assert [error(functions), error(functions)] == [kind, kind]


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ({"Runtime": "nodejs22.x"}, "nodejs22.x"),
        ({"PackageType": "Image", "code": {"ImageUri": "1.dkr.ecr.us-east-1.amazonaws.com/x:1"}}, "Image"),
        ({"code": {"ZipFile": b"no zip"}}, "unzip"),
        ({"Publish": True}, "Publish"),
        ({"Layers": ["arn:aws:lambda:us-east-1:123456789012:layer:l:1"]}, "Layers"),
        ({"SnapStart": {"ApplyOn": "PublishedVersions"}}, "SnapStart"),
        ({"LoggingConfig": {"LogGroup": "/mine"}}, "LoggingConfig"),
        ({"DeadLetterConfig": {"TargetArn": "arn:aws:s3:::bucket"}}, "DeadLetterConfig"),
        ({"FunctionName": "../../escaped"}, "name"),
    ],
)
def test_what_is_not_run_is_refused_by_name(functions, create, members, word):
    code, message = refused(create, **members)
    assert code == "InvalidParameterValueException"
    assert word in message
    assert functions.list_functions()["Functions"] == []


def test_a_refused_update_leaves_the_function_as_it_was(functions, create):
    before = create()["CodeSha256"]
    assert "unzip" in refused(functions.update_function_code, FunctionName="f", ZipFile=b"no zip")[1]
    change = functions.update_function_configuration
    assert "java21" in refused(change, FunctionName="f", Runtime="java21")[1]
    found = functions.get_function_configuration(FunctionName="f")
    assert (found["CodeSha256"], found["Runtime"]) == (before, "python3.11")
    assert call(functions)["text"] == "one"


def test_an_archive_writes_nothing_outside_its_folder_and_no_more_than_lambda_allows(
    aws, functions, create, monkeypatch
):
    create("app.greet", {"ZipFile": packed(**{"../../above.txt": "x", "/absolute.txt": "x"})})
    assert call(functions)["text"] == "one"
    assert not (aws.functions.folder.parent / "above.txt").exists()
    assert not (aws.functions.folder / "above.txt").exists()
    assert not Path("/absolute.txt").exists()
    monkeypatch.setattr("local_aws.functions.records._MOST_UNPACKED_BYTES", 100)
    assert "100 bytes" in refused(functions.update_function_code, FunctionName="f", ZipFile=packed(b="x"))[1]


def test_reserved_concurrency_stops_and_releases_a_function(functions, create):
    create()
    functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    assert refused(functions.invoke, FunctionName="f")[0] == "TooManyRequestsException"
    functions.update_function_configuration(FunctionName="f", Timeout=20)
    assert refused(functions.invoke, FunctionName="f")[0] == "TooManyRequestsException"
    functions.delete_function_concurrency(FunctionName="f")
    assert call(functions)["text"] == "one"


def test_a_queue_feeds_a_function(aws, functions, create, queue):
    results = aws.client("sqs").create_queue(QueueName="results")["QueueUrl"]
    create("app.forward", Environment={"Variables": {"QUEUE": "results"}})
    functions.create_event_source_mapping(FunctionName="f", EventSourceArn=arn(queue))
    aws.client("sqs").send_message(QueueUrl=queue, MessageBody="batch")
    assert received(aws, results)["Body"] == "batch"
    unknown = refused(functions.create_event_source_mapping, FunctionName="nobody", EventSourceArn=arn(queue))
    assert unknown[0] == "ResourceNotFoundException"


def test_an_event_that_fails_for_good_goes_to_the_dead_letter_queue(aws, functions, create, queue):
    create("app.fail", DeadLetterConfig={"TargetArn": arn(queue)})
    found = functions.get_function_configuration(FunctionName="f")
    assert found["DeadLetterConfig"] == {"TargetArn": arn(queue)}
    sent = functions.invoke(FunctionName="f", InvocationType="Event", Payload=b'{"a": 1}')
    message = received(aws, queue)
    assert json.loads(message["Body"]) == {"a": 1}
    values = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    request_id = sent["ResponseMetadata"]["RequestId"]
    assert values == {"RequestID": request_id, "ErrorCode": "200", "ErrorMessage": "never"}


def test_an_event_for_a_stopped_function_goes_to_its_topic_at_once(aws, functions, create, queue):
    topic = aws.client("sns").create_topic(Name="dead")["TopicArn"]
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn(queue))
    create()
    functions.update_function_configuration(FunctionName="f", DeadLetterConfig={"TargetArn": topic})
    functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    functions.invoke(FunctionName="f", InvocationType="Event", Payload=b'{"a": 2}')
    notification = json.loads(received(aws, queue)["Body"])
    assert json.loads(notification["Message"]) == {"a": 2}
    assert notification["MessageAttributes"]["ErrorCode"]["Value"] == "429"


def test_a_function_whose_code_is_here_follows_its_record(functions, create):
    create(f"{HANDLERS}.echo", FunctionName="given")
    assert call(functions, "given")["environment"]["GIVEN"] == "yes"
    functions.update_function_configuration(
        FunctionName="given", MemorySize=300, Environment={"Variables": {"GREETING": "salut"}}
    )
    answer = call(functions, "given")
    assert (answer["environment"]["GIVEN"], answer["greeting"]) == ("yes", "salut")
    assert answer["context"]["memory_limit_in_mb"] == "300"
    change = functions.update_function_code
    assert "on this machine" in refused(change, FunctionName="given", ZipFile=packed())[1]
    functions.put_function_concurrency(FunctionName="given", ReservedConcurrentExecutions=0)
    assert refused(functions.invoke, FunctionName="given")[0] == "TooManyRequestsException"
    functions.delete_function(FunctionName="given")
    assert refused(functions.invoke, FunctionName="given")[0] == "ResourceNotFoundException"
    create(f"{HANDLERS}.echo", FunctionName="given")
    assert call(functions, "given")["greeting"] == "hello"


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("publish_version", {"FunctionName": "f"}),
        ("create_alias", {"FunctionName": "f", "Name": "live", "FunctionVersion": "$LATEST"}),
        ("create_function_url_config", {"FunctionName": "f", "AuthType": "NONE"}),
        ("put_function_event_invoke_config", {"FunctionName": "f", "MaximumRetryAttempts": 0}),
        ("update_function_event_invoke_config", {"FunctionName": "f", "MaximumRetryAttempts": 0}),
        ("publish_layer_version", {"LayerName": "l", "Content": {"ZipFile": b""}}),
        ("invoke_async", {"FunctionName": "f", "InvokeArgs": b"{}"}),
        ("invoke_with_response_stream", {"FunctionName": "f", "Payload": b"{}"}),
    ],
)
def test_an_operation_that_nothing_would_act_upon_is_refused_by_name(
    functions, create, operation, parameters
):
    create()
    code, message = refused(getattr(functions, operation), **parameters)
    assert code == "InvalidParameterValueException"
    assert operation.replace("_", "") in message.lower()


@pytest.mark.parametrize("named", [{"FunctionName": "f", "Qualifier": "1"}, {"FunctionName": "f:live"}])
def test_versions_and_aliases_are_not_taken_for_the_latest(functions, create, named):
    create()
    code, message = refused(functions.invoke, **named)
    assert code == "ResourceNotFoundException"
    assert message.endswith(("function:f:1", "function:f:live"))


def test_cloudwatch_logs_have_what_functions_print(aws, functions, create):
    create("talk.run", {"ZipFile": packed(**{"talk.py": "def run(*_): print('hear me'); 1 / 0"})})
    done = functions.invoke(FunctionName="f")["ResponseMetadata"]["RequestId"]
    events = aws.client("logs").filter_log_events(logGroupName="/aws/lambda/f")["events"]
    lines = [event["message"] for event in events]
    assert [line.split()[0] for line in lines if done in line] == ["START", "END", "REPORT"]
    assert {"hear me", "[ERROR] ZeroDivisionError: division by zero"} <= set(lines)
    assert "Max Memory Used" in lines[-1]
    assert lines[-1].endswith("Status: error\tError Type: ZeroDivisionError")


@pytest.mark.parametrize(
    ("handler", "members", "name"),
    [
        ("fail", {}, "ValueError"),
        ("hang", {"Timeout": 1}, "Sandbox.Timedout"),
        ("leave", {}, "Runtime.ExitError"),
        ("grow", {}, "Runtime.OutOfMemory"),
        ("greet", None, "Lambda.TooManyRequestsException"),
    ],
)
def test_step_functions_names_a_failure_as_lambda_does(aws, functions, create, handler, members, name):
    more = """
import time, os
def hang(event, context): time.sleep(60)
def leave(event, context): os._exit(3)
def grow(event, context): kept = b"x" * 2**30; time.sleep(60)
"""
    create(f"app.{handler}", {"ZipFile": packed(**{"app.py": CODE + more})}, **members or {})
    if members is None:
        functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    states = aws.client("stepfunctions")
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
    definition = {"StartAt": "F", "States": {"F": {**task, "Parameters": {"FunctionName": "f"}}}}
    machine = states.create_state_machine(name=handler, definition=json.dumps(definition), roleArn=ROLE)
    run = states.start_execution(stateMachineArn=machine["stateMachineArn"], name=handler)["executionArn"]
    until(lambda: states.describe_execution(executionArn=run)["status"] == "FAILED")
    assert states.describe_execution(executionArn=run)["error"] == name
