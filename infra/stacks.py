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
from infra.constructs.network import https_only
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


class Endpoints(Stack):
    """The model endpoints of the profile, and how they scale."""

    def __init__(self, scope: Construct, deployment: Deployment, key: kms.IKey) -> None:
        super().__init__(scope, f"{deployment.names.prefix}-endpoints", description="Model endpoints")
        images = Images(self, "Images", deployment)
        security_group = https_only(self, "SecurityGroup", deployment, "Endpoints")
        for stage, mode in deployment.endpoints:
            endpoint = Endpoint(
                self, stage, mode, deployment, key=key, images=images, security_group=security_group
            )
            policy = deployment.settings.policy(stage, mode)
            Scaling(self, camel(stage, mode, "scaling"), deployment, endpoint, policy)


class Flow(Stack):
    """The functions, the state machine, the rules that start it, and who may use it all."""

    def __init__(self, scope: Construct, deployment: Deployment, key: kms.IKey) -> None:
        super().__init__(scope, f"{deployment.names.prefix}-flow", description="The flow of a document")
        functions = Functions(self, "Functions", deployment, key, Images(self, "Images", deployment))
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
    endpoints = Endpoints(app, deployment, data.key)
    flow = Flow(app, deployment, data.key)
    operations = Operations(app, deployment)
    for stack in (endpoints, flow, operations):
        stack.add_stack_dependency(data, "names, not references, hold the stacks together")
    return [data, endpoints, flow, operations]
