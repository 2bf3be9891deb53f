"""What a stage costs while nothing happens: all that is paid without traffic, and the page that says so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autoscaling.prices import load_prices
from hybrid_ocr.cli import app
from hybrid_ocr.contracts.errors import ConfigurationError
from infra.deploy_doc import PAGE, replaced, startup_table, table
from infra.idle import idle_costs
from infra.rules import Component

PAID = {
    "AWS::ApplicationAutoScaling::ScalableTarget",  # its least instances
    "AWS::ApplicationAutoScaling::ScalingPolicy",  # its alarms
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::EC2::VPCEndpoint",
    "AWS::Events::Rule",  # the clock's calls
    "AWS::KMS::Key",
    "AWS::Lambda::EventSourceMapping",
    "AWS::SageMaker::EndpointConfig",  # its images
}
BY_USE = {
    "AWS::DynamoDB::GlobalTable",
    "AWS::EC2::FlowLog",
    "AWS::Events::EventBus",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SageMaker::Endpoint",
    "AWS::StepFunctions::StateMachine",
}
FREE = {
    "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Subnet",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPC",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::KMS::Alias",
    "AWS::Lambda::Permission",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SageMaker::Model",
}


def _costs(component: Component) -> dict[str, float]:
    return {cost.what: round(cost.dollars, 2) for cost in idle_costs(component, load_prices())}


def test_somebody_has_said_of_every_type_whether_it_is_paid_without_traffic(component: Component) -> None:
    assert {resource.type for resource in component.resources} <= PAID | BY_USE | FREE


@pytest.mark.parametrize("stage", ["dev", "dev-cpu"])
def test_a_stage_to_try_things_out_costs_ten_dollars_a_month_at_most(
    components: Mapping[str, Component], stage: str
) -> None:
    assert sum(_costs(components[stage]).values()) <= 10


def test_what_production_keeps_awake_is_what_its_templates_say(components: Mapping[str, Component]) -> None:
    costs = _costs(components["prod"])

    assert costs["interface endpoints: 4 in 2 zones"] == round(4 * 2 * 0.01 * 730, 2)
    assert costs["dashboards: 8"] == 24.0
    assert costs["keys: 1"] == 1.0
    assert costs["instances that never sleep: 2 ml.g4dn.xlarge"] == round(2 * 730 * 0.7364, 2)
    assert costs["instances that never sleep: 1 ml.g5.xlarge"] == round(730 * 1.408, 2)


def test_every_price_has_a_source_and_a_date(component: Component) -> None:
    costs = idle_costs(component, load_prices())
    assert all(cost.source and cost.dated.year >= 2026 for cost in costs)


def test_the_page_has_the_tables_of_the_templates(components: Mapping[str, Component]) -> None:
    page = PAGE.read_text("utf-8")
    tables = {
        f"idle cost of {stage}": table(idle_costs(found, load_prices()))
        for stage, found in components.items()
    }
    tables["start-up"] = startup_table()
    assert replaced(page, tables) == page, "run `make generated`"


def test_a_page_without_a_place_for_a_stage_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"deploy\.md: there is no line .*idle cost of dev"):
        replaced("# Deploy\n", {"idle cost of dev": ""})


def test_the_command_tells_it_line_by_line() -> None:
    done = CliRunner().invoke(app, ["cost", "--stage", "dev", "--json"])

    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert 5 < sum(line["dollars"] for line in lines) <= 10
    assert {"what", "units", "per", "price", "dated", "source", "dollars"} == lines[0].keys()


def test_prices_that_lack_one_are_named_with_what_to_add(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    own = (PAGE.parents[1] / "autoscaling" / "prices.toml").read_text("utf-8")
    path.write_text(own.partition("[services.")[0], "utf-8")

    done = CliRunner().invoke(app, ["cost", "--stage", "dev", "--prices", str(path)])

    assert done.exit_code == 3
    assert '[services."' in done.stderr


def test_a_stage_that_is_not_there_is_named() -> None:
    done = CliRunner().invoke(app, ["cost", "--stage", "nowhere"])
    assert done.exit_code == 3
    assert "there is no stage 'nowhere'" in done.stderr
