"""Each rule of our own holds for what is synthesised, and catches a template in which it does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra.rules import RULES, Component, violations
from tests.infra.conftest import Templates

Properties = dict[str, Any]


def test_what_is_synthesised_breaks_no_rule(component: Component) -> None:
    assert violations(component) == []


def _resources(templates: Templates, kind: str) -> Iterator[dict[str, Any]]:
    for template in templates.values():
        yield from (told for told in template["Resources"].values() if told["Type"] == kind)


def _first(
    templates: Templates, kind: str, which: Callable[[Properties], bool] = lambda _: True
) -> Properties:
    return next(told["Properties"] for told in _resources(templates, kind) if which(told["Properties"]))


def _state(templates: Templates, kind: str, change: Callable[[Properties], object]) -> None:
    """Change one state of the flow: the first whose resource ends so."""
    machine = _first(templates, "AWS::StepFunctions::StateMachine")
    definition = json.loads(machine["DefinitionString"])

    def states(flow: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for state in flow["States"].values():
            yield state
            for part in [state["ItemProcessor"]] if "ItemProcessor" in state else state.get("Branches", []):
                yield from states(part)

    change(next(state for state in states(definition) if state.get("Resource", "").endswith(kind)))
    machine["DefinitionString"] = json.dumps(definition)


def _statement(templates: Templates, **change: object) -> None:
    document = _first(templates, "AWS::IAM::ManagedPolicy")["PolicyDocument"]
    document["Statement"][0].update(change)


def _drop(
    kind: str, *keys: str, which: Callable[[Properties], bool] = lambda _: True
) -> Callable[[Templates], None]:
    """Take a property away from the first resource of a type."""

    def mutate(templates: Templates) -> None:
        told = _first(templates, kind, which)
        for key in keys[:-1]:
            told = told[int(key) if key.isdigit() else key]
        del told[keys[-1]]

    return mutate


def _set(
    kind: str, value: object, *keys: str, which: Callable[[Properties], bool] = lambda _: True
) -> Callable[[Templates], None]:
    """Give a property of the first resource of a type another value."""

    def mutate(templates: Templates) -> None:
        told = _first(templates, kind, which)
        for key in keys[:-1]:
            told = told[int(key) if key.isdigit() else key]
        told[keys[-1]] = value

    return mutate


def _share_a_role(templates: Templates) -> None:
    first, second = list(_resources(templates, "AWS::Lambda::Function"))[:2]
    second["Properties"]["Role"] = first["Properties"]["Role"]


def _never_wake(templates: Templates) -> None:
    for template in templates.values():
        for name, told in list(template["Resources"].items()):
            if told["Properties"].get("MetricName") == "HasBacklogWithoutCapacity" and "Wake" in name:
                del template["Resources"][name]


def _leave_dead_letters_unwatched(templates: Templates) -> None:
    for template in templates.values():
        for name in [name for name in template["Resources"] if name.startswith("JobsDeadLetters")]:
            del template["Resources"][name]


def _scale_crosswise(templates: Templates) -> None:
    told = _first(
        templates,
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        lambda policy: (
            "CustomizedMetricSpecification" in policy.get("TargetTrackingScalingPolicyConfiguration", {})
        ),
    )["TargetTrackingScalingPolicyConfiguration"]
    told["CustomizedMetricSpecification"]["MetricName"] = "InvocationsPerInstance"


def _speak_plain(templates: Templates) -> None:
    told = _first(templates, "AWS::SQS::QueuePolicy")["PolicyDocument"]
    told["Statement"] = [part for part in told["Statement"] if part["Effect"] != "Deny"]


def _let_no_bus_send(templates: Templates) -> None:
    for policy in _resources(templates, "AWS::SQS::QueuePolicy"):
        told = policy["Properties"]["PolicyDocument"]
        told["Statement"] = [part for part in told["Statement"] if "Bus" not in part.get("Sid", "")]


def _keep_after_a_failed_create(templates: Templates) -> None:
    next(_resources(templates, "AWS::S3::Bucket"))["DeletionPolicy"] = "Retain"


def _log_nothing(templates: Templates) -> None:
    _drop("AWS::S3::Bucket", "LoggingConfiguration", which=lambda told: "LoggingConfiguration" in told)(
        templates
    )


def _keep_for_ever(templates: Templates) -> None:
    told = _first(templates, "AWS::S3::Bucket", lambda bucket: "ExpirationInDays" in json.dumps(bucket))
    for rule in told["LifecycleConfiguration"]["Rules"]:
        rule.pop("ExpirationInDays", None)


def _chart_what_nobody_publishes(templates: Templates) -> None:
    told = _first(templates, "AWS::CloudWatch::Dashboard", lambda board: "TimeInBacklog" in json.dumps(board))
    text = json.dumps(told["DashboardBody"]).replace("TimeInBacklog", "Invocations")
    told["DashboardBody"] = json.loads(text)


def _asynchronous(told: Properties) -> bool:
    return "AsyncInferenceConfig" in told


def _has_source(told: Properties) -> bool:
    return "RedrivePolicy" in told


def _wakes_people(told: Properties) -> bool:
    return "Runbook" in told.get("AlarmDescription", "")


FUNCTION, QUEUE, ENDPOINT = "AWS::Lambda::Function", "AWS::SQS::Queue", "AWS::SageMaker::Endpoint"
CONFIG, MODEL, ALARM = "AWS::SageMaker::EndpointConfig", "AWS::SageMaker::Model", "AWS::CloudWatch::Alarm"
MACHINE, SOURCE = "AWS::StepFunctions::StateMachine", "AWS::Lambda::EventSourceMapping"
OUTPUT = ("AsyncInferenceConfig", "OutputConfig")

MUTATIONS: dict[str, Callable[[Templates], None]] = {
    "tasks-have-a-timeout": lambda t: _state(t, "lambda:invoke", lambda state: state.pop("TimeoutSeconds")),
    "tasks-are-caught": lambda t: _state(t, "lambda:invoke", lambda state: state.pop("Catch")),
    "tasks-are-retried": lambda t: _state(t, "lambda:invoke", lambda state: state.pop("Retry")),
    "callbacks-have-a-heartbeat": lambda t: _state(
        t, "waitForTaskToken", lambda state: state.update(HeartbeatSeconds=state["TimeoutSeconds"])
    ),
    "flows-log-all-but-no-data": _set(MACHINE, True, "LoggingConfiguration", "IncludeExecutionData"),
    "flows-are-traced": _drop(MACHINE, "TracingConfiguration"),
    "queues-have-dead-letters": _drop(QUEUE, "RedrivePolicy", which=_has_source),
    "targets-have-dead-letters": _drop("AWS::Events::Rule", "Targets", "0", "DeadLetterConfig"),
    "dead-letters-arrive": _let_no_bus_send,
    "subscriptions-have-dead-letters": _drop("AWS::SNS::Subscription", "RedrivePolicy"),
    "dead-letters-are-alarmed": _leave_dead_letters_unwatched,
    "visibility-outlasts-the-function": _set(QUEUE, 359, "VisibilityTimeout", which=_has_source),
    "batches-fail-in-part": _drop(SOURCE, "FunctionResponseTypes"),
    "messages-are-encrypted": _drop("AWS::SNS::Topic", "KmsMasterKeyId"),
    "only-tls-is-spoken": _speak_plain,
    "functions-are-bounded": _drop(FUNCTION, "ReservedConcurrentExecutions"),
    "functions-are-traced": _drop(FUNCTION, "TracingConfig"),
    "functions-have-dead-letters": _drop(FUNCTION, "DeadLetterConfig"),
    "roles-are-not-shared": _share_a_role,
    "containers-are-isolated": _set(MODEL, False, "EnableNetworkIsolation"),
    "artifacts-are-pinned": _set(
        MODEL, "s3://artifacts/models/latest/model.tar.gz", "PrimaryContainer", "ModelDataUrl"
    ),
    "asynchronous-output-is-encrypted": _drop(CONFIG, *OUTPUT, "KmsKeyId", which=_asynchronous),
    "asynchronous-endpoints-notify": _drop(CONFIG, *OUTPUT, "NotificationConfig", which=_asynchronous),
    "pages-are-not-captured": _set(CONFIG, {"EnableCapture": True}, "DataCaptureConfig"),
    "drivers-are-chosen": _drop(CONFIG, "ProductionVariants", "0", "InferenceAmiVersion"),
    "updates-roll-back": _drop(ENDPOINT, "DeploymentConfig", "AutoRollbackConfiguration"),
    "endpoints-scale": _set("AWS::ApplicationAutoScaling::ScalableTarget", 99, "MinCapacity"),
    "scaling-follows-what-is-published": _scale_crosswise,
    "sleepers-can-wake": _never_wake,
    "nothing-blocks-a-second-try": _keep_after_a_failed_create,
    "names-carry-the-stage": _set("AWS::DynamoDB::GlobalTable", "tickets", "TableName"),
    "own-metrics-carry-the-stage": _set(
        FUNCTION, "HybridOCR", "Environment", "Variables", "HYBRID_OCR_METRICS_NAMESPACE"
    ),
    "buckets-expire-or-say-why": _keep_for_ever,
    "buckets-are-private": _drop("AWS::S3::Bucket", "PublicAccessBlockConfiguration"),
    "access-is-logged": _log_nothing,
    "logs-expire-and-are-encrypted": _drop("AWS::Logs::LogGroup", "RetentionInDays"),
    "tables-can-be-restored": _drop(
        "AWS::DynamoDB::GlobalTable", "Replicas", "0", "PointInTimeRecoverySpecification"
    ),
    "the-key-is-renewed": _drop("AWS::KMS::Key", "EnableKeyRotation"),
    "actions-have-no-wildcard": lambda t: _statement(t, Action="s3:Get*"),
    "everything-is-a-fixed-list": lambda t: _statement(t, Action="s3:GetObject", Resource="*"),
    "interfaces-stay-in-one-network": lambda t: _statement(
        t, Action="ec2:CreateNetworkInterface", Resource="*", Condition={}
    ),
    "no-policy-of-aws-is-used": _set(
        "AWS::IAM::Role", ["arn:aws:iam::aws:policy/AmazonS3FullAccess"], "ManagedPolicyArns"
    ),
    "objects-are-limited-to-a-prefix": lambda t: _statement(
        t, Action="s3:GetObject", Resource="arn:aws:s3:::hybrid-ocr-prod-work-123456789012-us-east-1/*"
    ),
    "roles-are-taken-on-in-this-account": _drop(
        "AWS::IAM::Role", "AssumeRolePolicyDocument", "Statement", "0", "Condition"
    ),
    "nobody-comes-in": _set(
        "AWS::EC2::SecurityGroup", [{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}], "SecurityGroupIngress"
    ),
    "alarms-act": _drop(ALARM, "AlarmActions"),
    "alarms-have-a-runbook": _set(ALARM, "Something is wrong.", "AlarmDescription", which=_wakes_people),
    "alarmed-metrics-exist": _set(
        ALARM,
        "Invocation5XXErrors",
        "MetricName",
        which=lambda told: told["MetricName"] == "InvocationFailures",
    ),
    "charted-metrics-exist": _chart_what_nobody_publishes,
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_catches_what_it_is_for(name: str, templates: Callable[[], Templates]) -> None:
    changed = templates()
    MUTATIONS[name](changed)

    assert list(RULES[name].violations(Component(changed)))


def test_there_is_a_mutation_for_every_rule() -> None:
    assert MUTATIONS.keys() == RULES.keys()
