"""Records of functions in Lambda's API, as boto3 meets them: what counts, and what is refused."""

import json

import pytest
from botocore.exceptions import ClientError

from local_aws import Component, LocalAws, Request, Settings
from local_aws.account import arn
from local_aws.tests.patience import until

from .conftest import spec

ROLE = "arn:aws:iam::123456789012:role/anyone"
FUNCTIONS = {
    "echo": spec("echo", concurrency=2, environment={"GREETING": "bonjour"}),
    "fail": spec("fail"),
    "forward": spec("forward"),
    "grow": spec("grow", memory_mb=128),
    "leave": spec("leave"),
    "sleep": spec("sleep", timeout_seconds=0.3),
    "stopped": spec("echo"),
    "unrecorded": spec("echo"),
}


def record(name, **members):
    code = {"S3Bucket": "no-such", "S3Key": "the code is on this machine"}
    return {
        "FunctionName": name,
        "Runtime": "python3.11",
        "Role": ROLE,
        "Handler": "x.y",
        "Code": code,
    } | members


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    dead = {"DeadLetterConfig": {"TargetArn": arn("sqs", "dead")}}
    requests = [
        Request("iam", "create_role", {"RoleName": "anyone", "AssumeRolePolicyDocument": "{}"}),
        *(Request("sqs", "create_queue", {"QueueName": name}) for name in ("dead", "forwarded", "source")),
        *(Request("lambda", "create_function", record(name, **dead)) for name in [*FUNCTIONS][:-1]),
    ]
    settings = Settings(log_dir=tmp_path_factory.mktemp("logs"), metrics=False, patience_seconds=0.1)
    with LocalAws(Component(FUNCTIONS, requests=requests), settings) as running:
        yield running


@pytest.fixture(scope="module")
def functions(aws):
    return aws.client("lambda")


@pytest.fixture
def stopped(functions):
    """A function that may not run."""
    functions.put_function_concurrency(FunctionName="stopped", ReservedConcurrentExecutions=0)
    yield "stopped"
    functions.delete_function_concurrency(FunctionName="stopped")


def received(aws, queue):
    """The next message, however long that takes."""
    sqs, found = aws.client("sqs"), []
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]

    def poll():
        answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5, MessageAttributeNames=["All"])
        found.extend(answer.get("Messages", []))
        return found

    until(poll)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])
    return found[0]


def refused(operation, **parameters):
    with pytest.raises(ClientError) as refusal:
        operation(**parameters)
    return refusal.value.response["Error"]["Code"], refusal.value.response["Error"]["Message"]


def test_a_function_of_the_component_runs_as_it_gives_it_whatever_its_record_says(functions):
    done = functions.invoke(FunctionName="echo", Payload=b'"x"')
    answer = json.loads(done["Payload"].read())
    assert (answer["event"], answer["greeting"]) == ("x", "bonjour")
    assert answer["context"]["memory_limit_in_mb"] == "512"
    found = functions.get_function_configuration(FunctionName="echo")
    assert (found["Handler"], found["State"], found["Version"]) == ("x.y", "Active", "$LATEST")
    assert found["DeadLetterConfig"] == {"TargetArn": arn("sqs", "dead")}
    assert refused(functions.create_function, **record("echo"))[0] == "ResourceConflictException"


@pytest.mark.parametrize("code", [{"ZipFile": b"PK"}, {"S3Bucket": "code", "S3Key": "k"}, {"ImageUri": "i"}])
def test_a_function_of_a_client_is_refused_by_name(functions, code):
    error, message = refused(functions.create_function, **record("mine", Code=code))
    assert error == "NotImplemented"
    assert "does not serve lambda.CreateFunction of mine" in message
    assert "mine" not in [found["FunctionName"] for found in functions.list_functions()["Functions"]]
    assert refused(functions.invoke, FunctionName="mine")[0] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("Publish", True),
        ("Layers", ["arn:aws:lambda:us-east-1:123456789012:layer:l:1"]),
        ("SnapStart", {"ApplyOn": "PublishedVersions"}),
        ("LoggingConfig", {"LogGroup": "/mine"}),
        ("DeadLetterConfig", {"TargetArn": "arn:aws:sns:us-east-1:123456789012:topic"}),
    ],
)
def test_what_would_be_taken_and_not_done_is_refused_by_name(functions, member, value):
    error, message = refused(functions.create_function, **record("unrecorded", **{member: value}))
    assert error == "NotImplemented"
    assert f"lambda.CreateFunction with {member}" in message
    assert refused(functions.get_function, FunctionName="unrecorded")[0] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("create_alias", {"Name": "live", "FunctionVersion": "$LATEST"}),
        ("create_function_url_config", {"AuthType": "NONE"}),
        ("delete_function", {}),
        ("invoke_async", {"InvokeArgs": b"{}"}),
        ("invoke_with_response_stream", {"Payload": b"{}"}),
        ("publish_layer_version", {"LayerName": "l", "Content": {"ZipFile": b""}}),
        ("publish_version", {}),
        ("put_function_event_invoke_config", {"MaximumRetryAttempts": 0}),
        ("update_function_code", {"ZipFile": b"PK"}),
        ("update_function_configuration", {"Timeout": 9}),
        ("update_function_event_invoke_config", {"MaximumRetryAttempts": 0}),
    ],
)
def test_an_operation_that_nothing_would_act_upon_is_refused_by_name(functions, operation, parameters):
    named = {} if "LayerName" in parameters else {"FunctionName": "echo"}
    error, message = refused(getattr(functions, operation), **named, **parameters)
    assert error == "NotImplemented"
    assert f"the local aws does not serve lambda.{operation.replace('_', '')}" == message.lower()


@pytest.mark.parametrize("named", [{"FunctionName": "echo", "Qualifier": "1"}, {"FunctionName": "echo:live"}])
def test_versions_and_aliases_are_not_taken_for_the_latest(functions, named):
    code, message = refused(functions.invoke, **named)
    assert code == "ResourceNotFoundException"
    assert message.endswith(("function:echo:1", "function:echo:live"))


def test_reserved_concurrency_stops_and_releases_a_function(functions, stopped):
    assert refused(functions.invoke, FunctionName=stopped)[0] == "TooManyRequestsException"
    functions.put_function_concurrency(FunctionName=stopped, ReservedConcurrentExecutions=7)
    assert "FunctionError" not in functions.invoke(FunctionName=stopped)
    functions.put_function_concurrency(FunctionName=stopped, ReservedConcurrentExecutions=0)
    functions.delete_function_concurrency(FunctionName=stopped)
    assert "FunctionError" not in functions.invoke(FunctionName=stopped)


def test_a_queue_feeds_a_function(aws, functions):
    mapping = {"EventSourceArn": arn("sqs", "source")}
    functions.create_event_source_mapping(FunctionName="forward", **mapping)
    url = aws.client("sqs").get_queue_url(QueueName="source")["QueueUrl"]
    aws.client("sqs").send_message(QueueUrl=url, MessageBody="batch")
    assert received(aws, "forwarded")["Body"] == "batch"
    unknown = refused(functions.create_event_source_mapping, FunctionName="nobody", **mapping)
    assert unknown[0] == "ResourceNotFoundException"


def test_an_event_that_fails_for_good_goes_to_the_dead_letter_queue(aws, functions):
    event = {"why": "never"}
    sent = functions.invoke(FunctionName="fail", InvocationType="Event", Payload=json.dumps(event))
    message = received(aws, "dead")
    assert json.loads(message["Body"]) == event
    values = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    request_id = sent["ResponseMetadata"]["RequestId"]
    assert values == {"RequestID": request_id, "ErrorCode": "200", "ErrorMessage": "never"}


def test_an_event_for_a_stopped_function_is_given_up_at_once(aws, functions, stopped):
    functions.invoke(FunctionName=stopped, InvocationType="Event", Payload=b'{"a": 2}')
    message = received(aws, "dead")
    assert json.loads(message["Body"]) == {"a": 2}
    assert message["MessageAttributes"]["ErrorCode"]["StringValue"] == "429"


def test_cloudwatch_logs_have_what_functions_print(aws, functions):
    done = functions.invoke(FunctionName="fail", Payload=b'{"why": "seen"}')["ResponseMetadata"]["RequestId"]
    events = aws.client("logs").filter_log_events(logGroupName="/aws/lambda/fail")["events"]
    lines = [event["message"] for event in events]
    assert [line.split()[0] for line in lines if done in line] == ["START", "END", "REPORT"]
    assert "[ERROR] TransientError: seen" in lines
    assert "Max Memory Used" in lines[-1]
    assert lines[-1].endswith("Status: error\tError Type: TransientError")


@pytest.mark.parametrize(
    ("function", "event", "name"),
    [
        ("fail", {"why": "x"}, "TransientError"),
        ("sleep", {"seconds": 60}, "Sandbox.Timedout"),
        ("leave", {"exit": 3}, "Runtime.ExitError"),
        ("grow", {"mb": 400}, "Runtime.OutOfMemory"),
        ("stopped", {}, "Lambda.TooManyRequestsException"),
    ],
)
def test_step_functions_names_a_failure_as_lambda_does(aws, stopped, function, event, name):
    states = aws.client("stepfunctions")
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
    parameters = {"FunctionName": function, "Payload": event}
    definition = {"StartAt": "F", "States": {"F": {**task, "Parameters": parameters}}}
    machine = states.create_state_machine(name=function, definition=json.dumps(definition), roleArn=ROLE)
    run = states.start_execution(stateMachineArn=machine["stateMachineArn"], name=function)["executionArn"]
    until(lambda: states.describe_execution(executionArn=run)["status"] == "FAILED")
    assert states.describe_execution(executionArn=run)["error"] == name
