"""What is synthesised: the same each time, from nothing but this checkout, and in step with the topology."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

from hybrid_ocr.contracts.jobs import EndpointMode
from hybrid_ocr.contracts.keys import JOBS
from hybrid_ocr.contracts.names import Names
from infra.acknowledgements import acknowledgements
from infra.deployment import Deployment
from infra.nag import findings
from infra.rules import Component, Resource
from infra.rules.component import definition_of
from infra.settings import load_settings
from infra.synthesis import ROOT, make_app, synthesise
from stepfunctions import definition
from topology import load_topology

TOPOLOGY = load_topology()


def _names(component: Component) -> Names:
    return Names(component.prefix.removeprefix("hybrid-ocr-"))


def _by_name(component: Component, kind: str) -> Mapping[str, Resource]:
    return {resource.name: resource for resource in component.of(kind)}


def test_two_syntheses_are_the_same_to_the_byte(assemblies: Mapping[str, Path], tmp_path: Path) -> None:
    again = synthesise("dev", output=tmp_path / "dev")

    files = {path.relative_to(again) for path in again.rglob("*") if path.is_file()}
    before = {path.relative_to(assemblies["dev"]) for path in assemblies["dev"].rglob("*") if path.is_file()}
    assert files == before
    assert all((again / file).read_bytes() == (assemblies["dev"] / file).read_bytes() for file in files)


def test_it_needs_no_program_of_the_system(tmp_path: Path) -> None:
    """Neither Docker nor Node nor credentials: nothing is on the search path, little in the environment."""
    code = "import pathlib, sys, infra.synthesis as s; s.synthesise('dev', output=pathlib.Path(sys.argv[1]))"
    environment = {
        "PATH": str(tmp_path),
        "HOME": str(Path.home()),
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }

    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], check=True, cwd=ROOT, env=environment, timeout=120
    )

    assert list(tmp_path.glob("*.template.json"))


@pytest.mark.parametrize("stage", ["dev", "dev-cpu", "prod"])
def test_findings_that_stand_are_few_each_of_them_real_and_each_with_a_reason(
    stage: str, tmp_path: Path
) -> None:
    settings = load_settings(stage, dockerfile=ROOT / "endpoints" / "Dockerfile")
    found = {finding for finding, _ in findings(make_app(Deployment.of(settings, ROOT), tmp_path))}

    told = acknowledgements(settings)

    assert {one.finding for one in told} == found
    assert len(told) <= 24
    assert all(len(one.reason) > 20 for one in told)


def test_checks_of_checkov_are_skipped_seldom_and_with_a_reason(component: Component) -> None:
    skipped = {
        (skip["id"], skip["comment"])
        for resource in component.resources
        for skip in resource.metadata.get("checkov", {}).get("skip", ())
    }
    assert len(skipped) <= 5
    assert all(check and len(reason) > 20 for check, reason in skipped)


def test_the_definition_is_the_flow_file_after_substitution(component: Component) -> None:
    names = _names(component)
    functions = ("Paginate", "Rotation", "Dispatch", "Validation", "Conclude")
    substitutions = {
        f"{name}Function": names.arn("lambda", f"function:{names.function(name.lower())}")
        for name in functions
    }
    machine = next(component.of("AWS::StepFunctions::StateMachine"))

    expected = definition(substitutions)

    assert definition_of(machine) == expected
    assert machine.name == names.state_machine("documents")


@pytest.mark.parametrize(("stage", "policy"), [("dev", "Delete"), ("prod", "RetainExceptOnCreate")])
def test_data_stays_or_goes_as_the_stage_says_and_never_after_a_failed_create(
    components: Mapping[str, Component], stage: str, policy: str
) -> None:
    kinds = ("AWS::S3::Bucket", "AWS::DynamoDB::GlobalTable", "AWS::KMS::Key", "AWS::Logs::LogGroup")
    found = {resource.deletion for resource in components[stage].of(*kinds)}
    assert found == {policy}


def test_queues_are_those_of_the_topology(component: Component) -> None:
    names, queues = _names(component), _by_name(component, "AWS::SQS::Queue")
    for name, told in TOPOLOGY.queues.items():
        properties = queues[names.queue(name)].properties
        assert properties["VisibilityTimeout"] == told.visibility_seconds
        assert properties["RedrivePolicy"] == {
            "deadLetterTargetArn": names.arn("sqs", names.dead_letter_queue(name)),
            "maxReceiveCount": told.max_receives,
        }
    for name, topic in TOPOLOGY.topics.items():
        subscribed = {
            (told.properties["TopicArn"], told.properties["Endpoint"])
            for told in component.of("AWS::SNS::Subscription")
        }
        assert (names.arn("sns", names.topic(name)), names.arn("sqs", names.queue(topic.queue))) in subscribed


def test_buckets_and_tables_are_those_of_the_topology(component: Component) -> None:
    names, buckets = _names(component), _by_name(component, "AWS::S3::Bucket")
    for name, told in TOPOLOGY.buckets.items():
        properties = buckets[names.bucket(name)].properties
        days = [rule.get("ExpirationInDays") for rule in properties["LifecycleConfiguration"]["Rules"]]
        assert days == [told.expire_days]
        tells_the_bus = "EventBridgeConfiguration" in properties.get("NotificationConfiguration", {})
        assert tells_the_bus == (told.event_prefix is not None)
    tables = [told.properties["TableName"] for told in component.of("AWS::DynamoDB::GlobalTable")]
    assert tables == [names.table(name) for name in TOPOLOGY.tables]


def test_functions_are_those_of_the_topology(component: Component) -> None:
    names, functions = _names(component), _by_name(component, "AWS::Lambda::Function")
    for name, told in TOPOLOGY.functions.items():
        properties = functions[names.function(name)].properties
        assert properties["ImageConfig"]["Command"] == [told.handler]
        assert properties["Timeout"] == told.timeout_seconds
        assert properties["MemorySize"] == told.memory_mb
        assert properties["ReservedConcurrentExecutions"] == told.concurrency
        assert properties["Environment"]["Variables"] == {
            f"HYBRID_OCR_{key}": str(TOPOLOGY.most_executions("documents"))
            if value == "most_executions:documents"
            else names.resolve(value)
            for key, value in told.environment.items()
        }
    fed = {
        (told.properties["FunctionName"], told.properties["EventSourceArn"])
        for told in component.of("AWS::Lambda::EventSourceMapping")
    }
    assert fed == {
        (names.function(name), names.arn("sqs", names.queue(told.queue)))
        for name, told in TOPOLOGY.functions.items()
        if told.queue
    }


def test_rules_are_those_of_the_topology(component: Component) -> None:
    names = _names(component)
    rules = {told.properties["Name"]: told.properties for told in component.of("AWS::Events::Rule")}
    for name, told in TOPOLOGY.rules.items():
        properties = rules[names.rule(name)]
        machine = names.arn("states", f"stateMachine:{names.state_machine('documents')}")
        pattern = (told.pattern or "null").replace("bucket:inbox", names.bucket("inbox"))
        pattern = json.loads(pattern.replace("state_machine:documents", machine))
        assert properties["EventBusName"] == names.bus(told.bus)
        assert properties.get("EventPattern") == pattern
        assert properties.get("ScheduleExpression") == told.schedule
        target = names.arn("sqs", names.queue(told.target_queue)) if told.target_queue else None
        assert target is None or properties["Targets"][0]["Arn"] == target


def test_asynchronous_endpoints_write_where_dispatch_looks(component: Component) -> None:
    names = _names(component)
    configs = [told.properties for told in component.of("AWS::SageMaker::EndpointConfig")]
    outputs: list[dict[str, Any]] = [
        told["AsyncInferenceConfig"]["OutputConfig"] for told in configs if "AsyncInferenceConfig" in told
    ]
    assert outputs
    assert {told["S3OutputPath"] for told in outputs} == {f"s3://{names.bucket('work')}/{JOBS}/"}


def test_cfn_lint_has_nothing_to_say(assemblies: Mapping[str, Path]) -> None:
    folders = (assemblies["prod"], assemblies["dev-cpu"])  # together they have all there is
    templates = [str(path) for folder in folders for path in folder.glob("*.template.json")]

    run = subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), *templates],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert run.stdout == ""
    assert run.returncode == 0


def test_a_container_gives_up_before_the_kind_of_call_that_it_serves_does(component: Component) -> None:
    """60 s for a real-time call (the container's default); what the topology says for an asynchronous one."""
    models = {told.id: told.properties["PrimaryContainer"] for told in component.of("AWS::SageMaker::Model")}
    configs = {told.id: told.properties for told in component.of("AWS::SageMaker::EndpointConfig")}
    names = _names(component)
    modes: tuple[EndpointMode, ...] = get_args(EndpointMode)
    served = {names.endpoint(stage, mode): (stage, mode) for stage in TOPOLOGY.endpoints for mode in modes}
    told = {}
    for endpoint in component.of("AWS::SageMaker::Endpoint"):
        config = configs[endpoint.properties["EndpointConfigName"].removesuffix(".EndpointConfigName")]
        [variant] = config["ProductionVariants"]
        container = models[variant["ModelName"].removesuffix(".ModelName")]
        told[served[endpoint.name]] = container.get("Environment", {})
    assert told == {(stage, mode): TOPOLOGY.endpoints[stage].environment(mode) for stage, mode in told}
    assert {stage for stage, _ in told} == set(TOPOLOGY.endpoints)
