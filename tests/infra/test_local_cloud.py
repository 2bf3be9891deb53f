"""The local cloud and the templates agree on what there is, what it is called and how it is set."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from hybrid_ocr.contracts.names import Names
from infra.rules import Component
from local_aws.server import AwsServer
from local_cloud.resources import create
from stepfunctions import definition
from topology import load_topology

TOPOLOGY, NAMES = load_topology(), Names()


@pytest.fixture(scope="module")
def server() -> Iterator[AwsServer]:
    functions = ("Paginate", "Rotation", "Dispatch", "Validation", "Conclude")
    arns = {
        f"{name}Function": NAMES.arn("lambda", f"function:{NAMES.function(name.lower())}")
        for name in functions
    }
    text = definition(arns)
    with AwsServer() as server:
        create(server.client, TOPOLOGY, NAMES, {"documents": text})
        yield server


@pytest.fixture
def deployed(components: Mapping[str, Component]) -> Component:
    return components["dev"]


def _local(name: str) -> str:
    """The name that a resource of stage dev has in the local cloud."""
    return name.replace("hybrid-ocr-dev", "hybrid-ocr-local")


def _localised(value: object) -> object:
    """The same of any JSON."""
    told: object = json.loads(_local(json.dumps(value)))
    return told


def _named(component: Component, kind: str) -> dict[str, dict[str, Any]]:
    return {_local(told.name): dict(told.properties) for told in component.of(kind)}


def test_queues(server: AwsServer, deployed: Component) -> None:
    sqs = server.client("sqs")
    told = _named(deployed, "AWS::SQS::Queue")
    urls = sqs.list_queues()["QueueUrls"]
    mine = {url.rpartition("/")[2] for url in urls}
    assert told.keys() - mine == {NAMES.dead_letter_queue("alarms")}, "the local cloud sends no e-mails"
    for url in urls:
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        properties = told[url.rpartition("/")[2]]
        assert ("RedrivePolicy" in attributes) == ("RedrivePolicy" in properties)
        assert int(attributes["VisibilityTimeout"]) == properties.get("VisibilityTimeout", 30)


def test_buckets_topics_and_tables(server: AwsServer, deployed: Component) -> None:
    buckets = {bucket["Name"] for bucket in server.client("s3").list_buckets()["Buckets"]}
    topics = {topic["TopicArn"].rpartition(":")[2] for topic in server.client("sns").list_topics()["Topics"]}
    tables = set(server.client("dynamodb").list_tables()["TableNames"])

    assert _named(deployed, "AWS::S3::Bucket").keys() - buckets == {NAMES.bucket("access-logs")}
    assert _named(deployed, "AWS::SNS::Topic").keys() - topics == {NAMES.topic("alarms")}
    assert {
        _local(told.properties["TableName"]) for told in deployed.of("AWS::DynamoDB::GlobalTable")
    } == tables


def test_functions(server: AwsServer, deployed: Component) -> None:
    told = _named(deployed, "AWS::Lambda::Function")
    functions = {
        found["FunctionName"]: found for found in server.client("lambda").list_functions()["Functions"]
    }

    assert told.keys() == functions.keys()
    for name, function in functions.items():
        assert function["Timeout"] == told[name]["Timeout"]
        assert function["MemorySize"] == told[name]["MemorySize"]
        variables = {key: _local(value) for key, value in told[name]["Environment"]["Variables"].items()}
        assert function["Environment"]["Variables"] == variables


def test_rules(server: AwsServer, deployed: Component) -> None:
    events = server.client("events")
    told = {
        (_local(rule.properties["EventBusName"]), _local(rule.properties["Name"])): rule.properties
        for rule in deployed.of("AWS::Events::Rule")
    }
    buses = {bus for bus, _ in told}
    rules = {
        (bus, rule["Name"]): rule for bus in buses for rule in events.list_rules(EventBusName=bus)["Rules"]
    }

    assert told.keys() == rules.keys()
    for (bus, name), rule in rules.items():
        properties = told[bus, name]
        assert json.loads(rule.get("EventPattern") or "null") == _localised(properties.get("EventPattern"))
        assert rule.get("ScheduleExpression") == properties.get("ScheduleExpression")
        targets = events.list_targets_by_rule(Rule=name, EventBusName=bus)["Targets"]
        assert targets == _localised(properties["Targets"])


def test_the_state_machine(server: AwsServer, deployed: Component) -> None:
    machines = server.client("stepfunctions").list_state_machines()["stateMachines"]

    assert {machine["name"] for machine in machines} == _named(
        deployed, "AWS::StepFunctions::StateMachine"
    ).keys()
