"""What a deployment would fail at is told before it begins, with what to do; the rest is unknown."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from typer.testing import CliRunner

from hybrid_ocr.artifacts import artifacts_root
from hybrid_ocr.cli import app
from hybrid_ocr.clients import Connection, connect
from hybrid_ocr.contracts.errors import ConfigurationError
from infra.preflight import Check, checks
from infra.settings import CHECKOUT, EndpointHosting, Settings, load_settings
from tests.infra.fake_account import FakeAccount

TYPES = ("ml.g4dn.xlarge", "ml.g5.xlarge")
SESSION = boto3.Session(region_name="us-east-1")
"""Parses the models of the services once."""


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeAccount]:
    """An account in which everything is ready for `dev`, and a machine that builds images."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "HYBRID_OCR_ON", "CDK_DOCKER"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("CDK_DOCKER", str(_program(tmp_path, "exit 0")))
    with FakeAccount() as account:
        account.applied = {f"{name} for endpoint usage": 20 for name in TYPES}
        ssm = connect("dev", SESSION, endpoint_url=account.url).client("ssm")
        ssm.put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="28", Type="String")
        yield account


def _program(folder: Path, does: str) -> Path:
    path = folder / "builder"
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)
    return path


def _look(account: FakeAccount, stage: str = "dev", region: str = "us-east-1") -> dict[str, Check]:
    def reach() -> Connection:
        return connect(stage, SESSION, region=region, endpoint_url=account.url)

    return {check.name: check for check in checks(stage, reach, root=CHECKOUT, built=artifacts_root())}


def _states(found: dict[str, Check]) -> dict[str, str]:
    return {name: check.state for name, check in found.items() if check.state != "ok"}


def test_a_ready_account_lacks_nothing(aws: FakeAccount) -> None:
    found = _look(aws)

    assert _states(found) == {}
    assert found.keys() == {
        *("settings", "artefacts", "image builder", "account", "stacks", "bootstrap", "names", "network"),
        *("concurrency", "type ml.g4dn.xlarge", "type ml.g5.xlarge"),
        *("quota ml.g4dn.xlarge", "quota ml.g5.xlarge"),
    }


def test_a_new_account_has_a_quota_of_zero(aws: FakeAccount) -> None:
    aws.applied = {"ml.g5.xlarge for endpoint usage": 1}
    aws.defaults = {"ml.g4dn.xlarge for endpoint usage": 0, "ml.g5.xlarge for endpoint usage": 0}

    found = _look(aws)

    assert _states(found) == {"quota ml.g4dn.xlarge": "failed"}
    seen = found["quota ml.g4dn.xlarge"].seen
    assert seen.startswith(
        "0, and 2 are needed at once, to begin with: ask for 8 at https://us-east-1.console"
    )
    assert "infra/stages/dev.toml" in seen
    later = found["quota ml.g5.xlarge"].seen
    assert (
        later
        == "1, 1 are needed to begin with; later 6 to scale as far as policies.toml says and 2 to update"
    )


def test_an_update_needs_the_new_instances_beside_the_old(aws: FakeAccount) -> None:
    aws.applied["ml.g4dn.xlarge for endpoint usage"] = 3
    aws.endpoints = {
        "hybrid-ocr-dev-region-detection-async": ("ml.g4dn.xlarge", 1),
        "hybrid-ocr-dev-text-detection-async": ("ml.g4dn.xlarge", 1),
        "hybrid-ocr-dev-ocr-async": ("ml.g6.xlarge", 4),
    }

    found = _look(aws)

    assert _states(found) == {"quota ml.g4dn.xlarge": "failed"}
    assert found["quota ml.g4dn.xlarge"].seen.startswith("3, and 4 are needed at once, beside the 2 that run")
    assert "to begin with" in found["quota ml.g5.xlarge"].seen, "another type has a quota of its own"


def test_all_endpoints_together_have_a_quota(aws: FakeAccount) -> None:
    aws.applied["Total number of instances across active endpoints"] = 2
    assert _states(_look(aws)) == {"quota all endpoints": "failed"}


def test_a_type_that_nobody_lists_is_unknown(aws: FakeAccount) -> None:
    del aws.applied["ml.g5.xlarge for endpoint usage"]
    assert _states(_look(aws)) == {"quota ml.g5.xlarge": "unknown"}


def test_a_region_without_a_type_is_named_with_the_keys_to_change(
    aws: FakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_a_type_of_nowhere(name: str, **arguments: Path) -> Settings:
        settings = load_settings(name, **arguments)
        types = settings.instances.types | {"ml.g99.xlarge": settings.instances.types["ml.g5.xlarge"]}
        hosting = {"ocr": EndpointHosting(instance_type="ml.g99.xlarge")}
        return settings.model_copy(
            update={
                "instances": settings.instances.model_copy(update={"types": types}),
                "stage": settings.stage.model_copy(update={"endpoints": hosting}),
            }
        )

    monkeypatch.setattr("infra.preflight.run.load_settings", with_a_type_of_nowhere)

    seen = _look(aws)["type ml.g99.xlarge"]

    assert seen.state == "failed"
    assert seen.seen == (
        "us-east-1 has no g99.xlarge: name another instance_type for endpoints.ocr in infra/stages/dev.toml, "
        "or another region"
    )


@pytest.mark.parametrize(
    ("limit", "unreserved", "state"), [(10, 10, "failed"), (208, 208, "failed"), (209, 209, "ok")]
)
def test_functions_leave_what_lambda_keeps_for_others(
    aws: FakeAccount, limit: int, unreserved: int, state: str
) -> None:
    aws.executions, aws.unreserved = limit, unreserved

    check = _look(aws)["concurrency"]

    assert check.state == state
    assert f"109 to be reserved, {unreserved} free of {limit}, 100 must stay" in check.seen
    assert ("servicequotas" in check.seen and "concurrency" in check.seen) == (state == "failed")


def test_an_account_that_was_not_bootstrapped(aws: FakeAccount) -> None:
    ssm = connect("dev", SESSION, endpoint_url=aws.url).client("ssm")
    ssm.put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="5", Type="String", Overwrite=True)
    assert "version 5 is older than 6" in _look(aws)["bootstrap"].seen

    ssm.delete_parameter(Name="/cdk-bootstrap/hnb659fds/version")
    check = _look(aws)["bootstrap"]
    assert check.state == "failed"
    assert "run `cdk bootstrap aws://123456789012/us-east-1` once" in check.seen


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("UPDATE_IN_PROGRESS", "hybrid-ocr-dev-flow is UPDATE_IN_PROGRESS: another deployment is under way"),
        ("UPDATE_ROLLBACK_FAILED", "hybrid-ocr-dev-flow is UPDATE_ROLLBACK_FAILED: look at its events"),
    ],
)
def test_a_second_deployment_does_not_begin_while_one_runs_or_is_stuck(
    aws: FakeAccount, status: str, told: str
) -> None:
    aws.stacks = {"hybrid-ocr-dev-data": "CREATE_COMPLETE", "hybrid-ocr-dev-flow": status}

    check = _look(aws)["stacks"]

    assert check.state == "failed"
    assert check.seen.startswith(told)


def test_another_stages_deployment_is_no_concern_of_this_one(aws: FakeAccount) -> None:
    aws.stacks = {"hybrid-ocr-dev-cpu-flow": "UPDATE_IN_PROGRESS"}
    assert _look(aws)["stacks"].state == "ok"


def test_what_is_left_of_an_earlier_stage_is_in_the_way(aws: FakeAccount) -> None:
    connection = connect("dev", SESSION, endpoint_url=aws.url)
    connection.client("s3").create_bucket(Bucket=connection.names.bucket("results"))
    connection.client("logs").create_log_group(logGroupName="/aws/lambda/hybrid-ocr-dev")

    check = _look(aws)["names"]

    assert check.state == "failed"
    assert connection.names.bucket("results") in check.seen
    assert "log group /aws/lambda/hybrid-ocr-dev is left" in check.seen
    aws.stacks = {"hybrid-ocr-dev-data": "CREATE_COMPLETE"}
    assert _look(aws)["names"].state == "ok", "they are its own"


def _in_a_network(monkeypatch: pytest.MonkeyPatch, vpc: str, *subnets: str) -> None:
    def settled(name: str, **arguments: Path) -> Settings:
        settings = load_settings(name, **arguments)
        network = settings.stage.network.model_copy(
            update={"kind": "existing", "vpc_id": vpc, "subnet_ids": subnets}
        )
        return settings.model_copy(update={"stage": settings.stage.model_copy(update={"network": network})})

    monkeypatch.setattr("infra.preflight.run.load_settings", settled)


def test_a_network_is_there_and_whole(aws: FakeAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    ec2 = connect("dev", SESSION, endpoint_url=aws.url).client("ec2")
    vpcs = [ec2.create_vpc(CidrBlock=f"10.{n}.0.0/16")["Vpc"]["VpcId"] for n in range(2)]

    def subnet(vpc: int, zone: str, number: int) -> str:
        told = ec2.create_subnet(
            VpcId=vpcs[vpc], CidrBlock=f"10.{vpc}.{number}.0/24", AvailabilityZone=f"us-east-1{zone}"
        )
        return str(told["Subnet"]["SubnetId"])

    here, there, beside, stranger = subnet(0, "a", 0), subnet(0, "b", 1), subnet(0, "a", 2), subnet(1, "b", 0)
    cases: list[tuple[tuple[str, ...], str, str]] = [
        ((vpcs[0], here, there), "ok", "with 2 subnets in 2 zones"),
        ((vpcs[0], here, stranger), "failed", f"network.subnet_ids: {stranger} is in another VPC"),
        ((vpcs[0], here, beside), "failed", "all are in us-east-1a: name subnets of two zones"),
        (("vpc-0aa4f0b8", here, there), "failed", "infra/stages/dev.toml: network: "),
        ((vpcs[0], here, "subnet-0aa4f0b8"), "failed", "name those of us-east-1"),
    ]
    for (vpc, *subnets), state, told in cases:
        _in_a_network(monkeypatch, vpc, *subnets)
        check = _look(aws)["network"]
        assert (check.state, told in check.seen) == (state, True), check


def test_a_network_can_be_made(aws: FakeAccount) -> None:
    aws.applied["ml.g4dn.xlarge for endpoint usage"] = aws.applied["ml.g5.xlarge for endpoint usage"] = 40
    connection = connect("prod", SESSION, endpoint_url=aws.url)
    found = _look(aws, "prod")["network"]
    assert (found.state, found.seen) == ("ok", "will be made in us-east-1a, us-east-1b")

    aws.zones = ["us-east-1b", "us-east-1c"]
    found = _look(aws, "prod")["network"]
    assert found.state == "failed"
    assert "com.amazonaws.us-east-1.sagemaker.runtime has no endpoints in us-east-1a" in found.seen

    ec2 = connection.client("ec2")
    for number in range(5 - len(ec2.describe_vpcs()["Vpcs"])):
        ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")
    found = _look(aws, "prod")["network"]
    assert found.state == "failed"
    assert found.seen.startswith("5 VPCs are there, and the account may have 5 in us-east-1: ask for more")

    aws.stacks = {"hybrid-ocr-prod-network": "CREATE_COMPLETE"}
    assert _look(aws, "prod")["network"].state == "ok", "one of them is its own"


@pytest.mark.parametrize(
    ("operation", "check", "action"),
    [
        ("ListServiceQuotas", "quotas", "servicequotas:ListServiceQuotas"),
        ("DescribeEndpoint", "quotas", "sagemaker:DescribeEndpoint"),
        ("GetAccountSettings", "concurrency", "lambda:GetAccountSettings"),
        ("GetParameter", "bootstrap", "ssm:GetParameter"),
        ("DescribeStacks", "stacks", "cloudformation:DescribeStacks"),
        ("DescribeInstanceTypeOfferings", "types", "ec2:DescribeInstanceTypeOfferings"),
        ("DescribeLogGroups", "names", "logs:DescribeLogGroups"),
    ],
)
def test_a_permission_that_is_missing_makes_a_check_unknown_and_is_named(
    aws: FakeAccount, operation: str, check: str, action: str
) -> None:
    aws.denied = {operation}

    found = _look(aws)

    assert _states(found) == {check: "unknown"}
    assert found[check].seen.endswith(action)


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("exit 1", "cannot build"),
        ("echo no daemon >&2; exit 1", "cannot build (no daemon): start its daemon"),
    ],
)
def test_a_builder_that_does_not_answer(aws: FakeAccount, tmp_path: Path, does: str, told: str) -> None:
    _program(tmp_path, does)
    check = _look(aws)["image builder"]
    assert check.state == "failed"
    assert told in check.seen


def test_no_builder_at_all(aws: FakeAccount, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CDK_DOCKER")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no program docker: install Docker or Finch" in _look(aws)["image builder"].seen

    (tmp_path / "finch").symlink_to(tmp_path / "builder")
    assert "no program docker: set CDK_DOCKER=finch" in _look(aws)["image builder"].seen


def test_artefacts_that_are_not_built_are_named_with_what_to_run(aws: FakeAccount, tmp_path: Path) -> None:
    def reach() -> Connection:
        return connect("dev", SESSION, endpoint_url=aws.url)

    found = {c.name: c for c in checks("dev", reach, root=CHECKOUT, built=tmp_path / "nothing")}

    assert found["artefacts"].state == "failed"
    assert f"{tmp_path}/nothing/picodet-layout-cdla.tar.gz is missing" in found["artefacts"].seen
    assert "hybrid-ocr artifacts build picodet-layout-cdla" in found["artefacts"].seen


def test_settings_that_cannot_work_end_it_with_file_key_and_remedy(
    aws: FakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> Settings:
        raise ConfigurationError("dev.toml: network.vpc_id: vpc-00000000 is a placeholder")

    monkeypatch.setattr("infra.preflight.run.load_settings", refuse)

    assert _look(aws) == {
        "settings": Check("settings", "failed", "dev.toml: network.vpc_id: vpc-00000000 is a placeholder")
    }


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda aws: None, 0),
        (lambda aws: aws.denied.add("GetParameter"), 0),
        (lambda aws: aws.applied.update({"ml.g5.xlarge for endpoint usage": 0}), 1),
    ],
)
def test_the_command_fails_if_a_check_did(
    aws: FakeAccount, spoil: Callable[[FakeAccount], None], code: int
) -> None:
    spoil(aws)

    done = CliRunner().invoke(app, ["preflight", "--stage", "dev", "--endpoint-url", aws.url, "--json"])

    assert done.exit_code == code, done.output
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == 13
    plain = CliRunner().invoke(app, ["preflight", "--stage", "dev", "--endpoint-url", aws.url])
    assert [line.split()[0] for line in plain.stdout.splitlines()] == [line["state"] for line in lines]


def test_no_credentials_are_one_line_and_the_machine_is_looked_at_all_the_same(
    aws: FakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    done = CliRunner().invoke(app, ["preflight", "--stage", "dev", "--json"])

    assert done.exit_code == 1
    told = {line["name"]: line["state"] for line in map(json.loads, done.stdout.splitlines())}
    assert told == {"settings": "ok", "artefacts": "ok", "image builder": "ok", "account": "failed"}
