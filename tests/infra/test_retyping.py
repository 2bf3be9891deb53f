"""The instance type of an endpoint changes although SageMaker refuses that while scaling is registered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from hybrid_ocr.clients import Connection
from hybrid_ocr.contracts.errors import OcrError
from hybrid_ocr.contracts.names import Names
from infra.deployment import Deployment
from infra.retyping import retyped, take_scaling_away, without_scaling
from infra.settings import EndpointHosting, load_settings
from infra.synthesis import ROOT, make_app

Template = dict[str, Any]
STACK = "hybrid-ocr-prod-endpoints"
SCALED = ("AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy")


def _synthesised(folder: Path, **types: str) -> Template:
    settings = load_settings("prod", dockerfile=ROOT / "endpoints" / "Dockerfile")
    hosting = {stage: EndpointHosting(instance_type=name) for stage, name in types.items()}
    stage = settings.stage.model_copy(update={"endpoints": hosting})
    deployment = Deployment.of(settings.model_copy(update={"stage": stage}), ROOT)
    make_app(deployment, folder).synth()
    told: Template = json.loads((folder / f"{STACK}.template.json").read_text("utf-8"))
    return told


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return _synthesised(tmp_path_factory.mktemp("deployed"))


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return _synthesised(tmp_path_factory.mktemp("wanted"), ocr="ml.g6.xlarge")


def _registered(template: Template) -> set[str]:
    """The endpoints that scale."""
    return {
        told["Properties"]["ResourceId"].split("/")[1]
        for told in template["Resources"].values()
        if told["Type"] == SCALED[0]
    }


def _refused(before: Template, after: Template) -> set[str]:
    """What SageMaker refuses of an update: another type for what is registered while it is made.

    CloudFormation registers and deregisters after it has changed what stays.
    """
    return retyped(before, after).keys() & _registered(before)


OCR = {"hybrid-ocr-prod-ocr-async", "hybrid-ocr-prod-ocr-realtime"}


def test_in_one_step_the_update_is_refused(deployed: Template, wanted: Template) -> None:
    assert _refused(deployed, wanted) == OCR
    assert set(retyped(deployed, wanted).values()) == {("ml.g5.xlarge", "ml.g6.xlarge")}


def test_in_two_steps_neither_is_and_everything_scales_at_the_end(
    deployed: Template, wanted: Template
) -> None:
    between = without_scaling(deployed, wanted)

    assert between is not None
    assert not _refused(deployed, between)
    assert not _refused(between, wanted)
    assert _registered(between) == _registered(deployed) - OCR
    assert _registered(wanted) == _registered(deployed)


def test_the_first_step_takes_scaling_alone_away_and_leaves_nothing_that_refers_to_it(
    deployed: Template, wanted: Template
) -> None:
    between = without_scaling(deployed, wanted)

    assert between is not None
    kept = between["Resources"]
    gone = {key: told for key, told in deployed["Resources"].items() if key not in kept}
    assert all(deployed["Resources"][key] == told for key, told in kept.items())
    assert {told["Type"] for told in gone.values()} == {*SCALED, "AWS::CloudWatch::Alarm"}
    alarms = {t["Properties"]["AlarmName"] for t in gone.values() if t["Type"] == "AWS::CloudWatch::Alarm"}
    assert alarms == {"hybrid-ocr-prod-ocr-async-wake", "hybrid-ocr-prod-ocr-async-wake-on-documents"}
    assert not any(f'"{key}"' in json.dumps(between) for key in gone)


def test_an_update_that_changes_no_type_has_one_step(deployed: Template) -> None:
    assert without_scaling(deployed, deployed) is None


def test_a_deployment_that_failed_after_the_first_step_has_it_behind_it(
    deployed: Template, wanted: Template
) -> None:
    between = without_scaling(deployed, wanted)
    assert between is not None
    assert without_scaling(between, wanted) is None


class _Fake(Connection):
    """A connection whose clients are stubbed."""

    def client(self, service: str, config: object = None) -> Any:
        return CLIENTS[service]


LOGIN = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
CLIENTS = {
    service: boto3.Session(**LOGIN).client(service, region_name="us-east-1")
    for service in ("cloudformation", "s3")
}
CONNECTION = _Fake(boto3.Session(), Names("prod"))


@contextmanager
def _answering(service: str) -> Iterator[Stubber]:
    with Stubber(CLIENTS[service]) as stub:
        yield stub
        stub.assert_no_pending_responses()


def _minified(template: object) -> str:
    return json.dumps(template, separators=(",", ":"))


def test_a_deployment_is_updated_and_waited_for(
    deployed: Template, wanted: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.retyping._MOST_BYTES", 10**6)
    between = without_scaling(deployed, wanted)
    request = {
        "StackName": STACK,
        "TemplateBody": _minified(between),
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        "Parameters": [{"ParameterKey": "BootstrapVersion", "UsePreviousValue": True}],
    }
    stack = {"StackName": STACK, "CreationTime": "2026-11-27T00:00:00Z", "StackStatus": "UPDATE_COMPLETE"}
    with _answering("cloudformation") as stub:
        stub.add_response("get_template", {"TemplateBody": json.dumps(deployed)}, {"StackName": STACK})
        stub.add_response("update_stack", {"StackId": STACK}, request)
        stub.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": STACK})

        assert take_scaling_away(CONNECTION, wanted).keys() == OCR


def test_a_template_too_large_for_a_request_goes_by_the_bucket_of_artefacts(
    deployed: Template, wanted: Template
) -> None:
    bucket, key = CONNECTION.names.bucket("artifacts"), "deployments/endpoints-without-scaling.json"
    text = _minified(without_scaling(deployed, wanted))
    url = f"https://{bucket}.s3.us-east-1.amazonaws.com/{key}"
    seen: list[str] = []

    with _answering("s3") as objects, _answering("cloudformation") as stacks:
        stacks.add_response("get_template", {"TemplateBody": json.dumps(deployed)})
        objects.add_response("put_object", {}, {"Bucket": bucket, "Key": key, "Body": text.encode()})
        stacks.add_client_error("update_stack", "ValidationError", "no")
        CLIENTS["cloudformation"].meta.events.register(
            "provide-client-params.cloudformation.UpdateStack",
            lambda params, **_: seen.append(params.get("TemplateURL")),
        )
        with pytest.raises(OcrError):
            take_scaling_away(CONNECTION, wanted)

    assert seen == [url]


def _absent(stub: Stubber) -> None:
    stub.add_client_error("get_template", "ValidationError", f"Stack with id {STACK} does not exist")


def _the_same(stub: Stubber, template: Template) -> None:
    stub.add_response("get_template", {"TemplateBody": json.dumps(template)})


@pytest.mark.parametrize("answer", [_absent, None])
def test_what_is_not_there_or_does_not_change_is_left_alone(
    wanted: Template, answer: Callable[[Stubber], None] | None
) -> None:
    with _answering("cloudformation") as stub:
        answer(stub) if answer else _the_same(stub, wanted)
        assert take_scaling_away(CONNECTION, wanted) == {}


def test_who_changes_a_type_is_told_the_same_everywhere() -> None:
    """The runbook, the page on deployment and the tuner send to `make deploy`, never to a change by hand."""
    docs = ROOT / "docs"
    assert "### Another instance type" in (docs / "deploy.md").read_text("utf-8")
    for page in ("runbooks/no-capacity.md", "autoscaling.md"):
        text = (docs / page).read_text("utf-8")
        assert "deploy.md#another-instance-type" in text, page
        assert "`make deploy" in text, page
