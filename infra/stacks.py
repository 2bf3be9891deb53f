"""The stacks: what belongs together in a deployment. They compose constructs and decide nothing else."""

from __future__ import annotations

from aws_cdk import App, Stack
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.alarms import alarm_specs
from infra.constructs.access import Access
from infra.constructs.alarms import alarm
from infra.constructs.dashboard import dashboard
from infra.constructs.endpoint import Endpoint
from infra.constructs.functions import Functions
from infra.constructs.images import Images
from infra.constructs.key import data_key
from infra.constructs.messaging import DeadLetters, Messaging
from infra.constructs.network import OwnNetwork, Place, https_only
from infra.constructs.rules import Rules
from infra.constructs.scaling import Scaling
from infra.constructs.storage import Storage
from infra.constructs.workflow import Workflow
from infra.dashboards import dashboards
from infra.deployment import Deployment, camel

__all__ = ["compose"]


class Data(Stack):
    """What keeps state: the key, buckets, tables, queues, topics and the bus."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        super().__init__(
            scope, f"{deployment.names.prefix}-data", description="Documents, messages and their key"
        )
        self.key = data_key(self, deployment)
        self.storage = Storage(self, "Storage", deployment, self.key)
        self.dead_letters = DeadLetters(self, "DeadLetters", deployment, self.key)
        self.messaging = Messaging(self, "Messaging", deployment, self.key, self.dead_letters)


class Network(Stack):
    """A network of the component's own, for stages that want one."""

    def __init__(self, scope: Construct, deployment: Deployment, key: kms.IKey) -> None:
        super().__init__(
            scope, f"{deployment.names.prefix}-network", description="A network without a way out"
        )
        self.place = OwnNetwork(self, "Network", deployment, key).place


class Endpoints(Stack):
    """The model endpoints of the profile, and how they scale."""

    def __init__(self, scope: Construct, deployment: Deployment, key: kms.IKey, place: Place | None) -> None:
        super().__init__(scope, f"{deployment.names.prefix}-endpoints", description="Model endpoints")
        images = Images(self, "Images", deployment)
        security_group = https_only(self, "SecurityGroup", deployment, "Endpoints", place) if place else None
        for stage, mode in deployment.endpoints:
            endpoint = Endpoint(
                self,
                stage,
                mode,
                deployment,
                key=key,
                images=images,
                place=place,
                security_group=security_group,
            )
            policy = deployment.settings.policy(stage, mode)
            Scaling(self, camel(stage, mode, "scaling"), deployment, endpoint, policy)


class Flow(Stack):
    """The functions, the state machine, the rules that start it, and who may use it all."""

    def __init__(self, scope: Construct, deployment: Deployment, key: kms.IKey, place: Place | None) -> None:
        super().__init__(scope, f"{deployment.names.prefix}-flow", description="The flow of a document")
        images = Images(self, "Images", deployment)
        functions = Functions(self, "Functions", deployment, key=key, images=images, place=place)
        Workflow(self, "Workflow", deployment, key)
        Rules(self, "Rules", deployment, functions.functions)
        Access(self, "Access", deployment, key)


class Operations(Stack):
    """What operators look at, and what wakes them."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        super().__init__(scope, f"{deployment.names.prefix}-operations", description="Dashboards and alarms")
        for spec in alarm_specs(deployment):
            alarm(self, deployment, spec)
        for board in dashboards(deployment):
            dashboard(self, deployment, board)


def compose(app: App, deployment: Deployment) -> list[Stack]:
    """All stacks of a deployment, in the order in which they are made."""
    data = Data(app, deployment)
    network = Network(app, deployment, data.key) if deployment.settings.stage.network.kind == "own" else None
    place = network.place if network else Place.existing(deployment)
    endpoints = Endpoints(app, deployment, data.key, place)
    flow = Flow(app, deployment, data.key, place)
    operations = Operations(app, deployment)
    for stack in (endpoints, flow, operations):
        stack.add_stack_dependency(data, "names, not references, hold the stacks together")
    return [data, *([network] if network else []), endpoints, flow, operations]
