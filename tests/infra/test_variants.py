"""What the two stages of this repository do not use holds as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoscaling.policies import Policy, Schedule
from hybrid_ocr.contracts.stages import ENDPOINTS
from infra.acknowledgements import acknowledge
from infra.deployment import Deployment
from infra.instances import InstanceType
from infra.nag import findings
from infra.network import Network
from infra.rules import Component, violations
from infra.settings import Profile, Settings, load_settings
from infra.synthesis import ROOT, make_app

NIGHT = Schedule(
    name="night", when="cron(0 20 * * ? *)", timezone="Europe/Berlin", min_instances=1, max_instances=1
)


def _realtime_alone(settings: Settings) -> Settings:
    return settings.model_copy(update={"profile": Profile(modes=("realtime",))})


def _with_emails(settings: Settings) -> Settings:
    alarms = settings.stage.alarms.model_copy(update={"emails": ("on-call@example.org",)})
    return settings.model_copy(update={"stage": settings.stage.model_copy(update={"alarms": alarms})})


def _with_schedules(settings: Settings) -> Settings:
    def at_night(policy: Policy) -> Policy:
        return policy.model_copy(update={"schedules": (NIGHT,)})

    ocr = {mode: at_night(policy) for mode, policy in settings.policies.ocr.items()}
    return settings.model_copy(update={"policies": settings.policies.model_copy(update={"ocr": ocr})})


def _without_local_storage(settings: Settings) -> Settings:
    types = {
        name: InstanceType(**told.model_dump() | {"local_storage": False})
        for name, told in settings.instances.types.items()
    }
    instances = settings.instances.model_copy(update={"types": types})
    return settings.model_copy(update={"instances": instances})


@pytest.fixture(scope="module")
def component(tmp_path_factory: pytest.TempPathFactory) -> Component:
    """A deployment with everything that dev and prod have not."""
    settings = load_settings("prod", dockerfile=ROOT / "endpoints" / "Dockerfile")
    for change in (_realtime_alone, _with_emails, _with_schedules, _without_local_storage):
        settings = change(settings)
    folder: Path = tmp_path_factory.mktemp("variant")
    app = make_app(Deployment.of(settings, ROOT), folder)
    acknowledge(app, settings)
    assert findings(app) == []
    app.synth()
    return Component.read(folder)


def test_it_breaks_no_rule(component: Component) -> None:
    assert violations(component) == []


def test_only_real_time_endpoints_are_made(component: Component) -> None:
    assert set(component.endpoint_modes.values()) == {"realtime"}
    assert len(component.endpoint_modes) == len(ENDPOINTS)


def test_alarms_are_mailed(component: Component) -> None:
    mailed = [told.properties for told in component.of("AWS::SNS::Subscription")]
    assert "on-call@example.org" in [told["Endpoint"] for told in mailed if told["Protocol"] == "email"]


def test_schedules_reach_the_scalable_target(component: Component) -> None:
    targets = component.of("AWS::ApplicationAutoScaling::ScalableTarget")
    told = [action for target in targets for action in target.properties.get("ScheduledActions", ())]
    assert [(action["Schedule"], action["Timezone"]) for action in told] == [(NIGHT.when, NIGHT.timezone)]


def test_volumes_without_encryption_of_their_own_get_the_key(component: Component) -> None:
    assert all(told.properties.get("KmsKeyId") for told in component.of("AWS::SageMaker::EndpointConfig"))


def test_it_runs_in_a_network_that_is_there(tmp_path: Path) -> None:
    settings = load_settings("prod", dockerfile=ROOT / "endpoints" / "Dockerfile")
    network = Network(
        kind="existing", vpc_id="vpc-0f1e2d3c", subnet_ids=("subnet-0aa4f0b8", "subnet-0bb5a1c9")
    )
    stage = settings.stage.model_copy(update={"network": network})
    settings = settings.model_copy(update={"stage": stage})
    app = make_app(Deployment.of(settings, ROOT), tmp_path)
    acknowledge(app, settings)
    assert findings(app) == []
    app.synth()
    component = Component.read(tmp_path)

    assert violations(component) == []
    assert not list(component.of("AWS::EC2::VPC", "AWS::EC2::VPCEndpoint"))
    for function in component.of("AWS::Lambda::Function"):
        assert function.properties["VpcConfig"]["SubnetIds"] == ["subnet-0aa4f0b8", "subnet-0bb5a1c9"]
    for group in component.of("AWS::EC2::SecurityGroup"):
        assert group.properties["VpcId"] == "vpc-0f1e2d3c"
