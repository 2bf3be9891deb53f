"""What each function, endpoint and the flow may do: statements written out, none made by the CDK's grants.

No action has a wildcard. A resource is `*` only for the actions of UNSCOPED; whatever else ends in a star
names a prefix of a bucket, the streams of one log group, or the executions of one map.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from aws_cdk import aws_iam as iam

from hybrid_ocr.contracts.jobs import EndpointMode, EndpointStage
from hybrid_ocr.contracts.keys import artifact_key
from hybrid_ocr.contracts.names import Names
from infra.deployment import Deployment
from infra.job_permissions import JobPermissions
from infra.statements import allow as _allow
from infra.unscoped import UNSCOPED
from stepfunctions import called_functions
from topology.model import FUNCTIONS

__all__ = ["LOG_GROUP_TAG", "MAP_LABEL", "Permissions", "endpoint_logs", "flow_logs", "function_logs"]

MAP_LABEL: Final = "ReadBatches"
"""The label of the distributed map in the flow file; its children run under it."""

LOG_GROUP_TAG: Final = "LogGroup"
"""Each role that writes logs has this tag: the one group whose streams it may write to."""


def function_logs(names: Names) -> str:
    """The log group of all functions: a job is found there across them."""
    return f"/aws/lambda/{names.prefix}"


def endpoint_logs(endpoint: str) -> str:
    """The log group that SageMaker makes for an endpoint."""
    return f"/aws/sagemaker/Endpoints/{endpoint}"


def flow_logs(names: Names) -> str:
    """The log group of a network of the component's own: who spoke to whom."""
    return f"/aws/vpc/{names.prefix}"


@dataclass(frozen=True)
class Permissions:
    """The statements of one deployment.

    Attributes:
        deployment: whose resources are meant.
        key_arn: of the key that encrypts everything.
        vpc_id: of the network that functions and containers run in; None where they run in none.
    """

    deployment: Deployment
    key_arn: str
    vpc_id: str | None = None

    def function(self, name: str) -> list[iam.PolicyStatement]:
        """Of a function of the topology, by its name."""
        own: Mapping[str, Callable[[], list[iam.PolicyStatement]]] = {
            "intake": self._intake,
            "paginate": self._paginate,
            "rotation": self._rotation,
            "dispatch": self._dispatch,
            "resume": self._settle,
            "sweep": lambda: [*self._settle(), *self._jobs.reconcile()],
            "conclude": self._jobs.conclude,
            "validation": self._validation,
        }
        return [
            *own[name](),
            *self._source(name),
            self._dead_letters(FUNCTIONS),
            self._key(),
            self._log_streams(),
            _allow(UNSCOPED["tracing"], "*"),
            *self._network(),
        ]

    def endpoint(
        self, stage: EndpointStage, mode: EndpointMode, images_arn: str
    ) -> list[iam.PolicyStatement]:
        """Of the role of an endpoint: its artefact, its logs, and what asynchronous calls read and write.

        Args:
            stage: of the endpoint.
            mode: of the endpoint.
            images_arn: of the repository that holds its image.
        """
        names = self.deployment.names
        logs = names.arn("logs", f"log-group:{endpoint_logs(self.deployment.endpoint(stage, mode))}")
        statements = [
            *self._artifact(stage),
            _allow(["logs:CreateLogGroup", "logs:DescribeLogStreams"], logs),
            self._log_streams(),
            _allow(
                ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                images_arn,
            ),
            _allow(UNSCOPED["registry login"], "*"),
            *self._network(),
            _allow(
                UNSCOPED["metrics"],
                "*",
                conditions={
                    "StringEquals": {"cloudwatch:namespace": ["/aws/sagemaker/Endpoints", "AWS/SageMaker"]}
                },
            ),
            self._key(),
        ]
        if mode == "realtime":
            return statements
        topics = [names.arn("sns", names.topic(topic)) for topic in self.deployment.topology.topics]
        return [
            *statements,
            self._objects("work", "jobs/*", "s3:GetObject", "s3:PutObject"),
            self._objects("work", "failures/*", "s3:PutObject"),
            _allow(["s3:ListBucket"], self.deployment.bucket_arn("work")),
            _allow(["sns:Publish"], *topics),
        ]

    def _artifact(self, stage: EndpointStage) -> list[iam.PolicyStatement]:
        """Reading a stage's artefact; a stage without weights reads nothing."""
        model = self.deployment.models.get(stage)
        if model is None:
            return []
        return [
            _allow(["s3:GetObject"], self.deployment.bucket_arn("artifacts", artifact_key(model))),
            _allow(["s3:ListBucket"], self.deployment.bucket_arn("artifacts")),
        ]

    def flow(self) -> list[iam.PolicyStatement]:
        """Of the state machine."""
        names = self.deployment.names
        machine = names.state_machine("documents")
        executions = names.arn("states", f"execution:{machine}*")  # its own, and its children's under its map
        return [
            _allow(["lambda:InvokeFunction"], *(self._function_arn(name) for name in called_functions())),
            _allow(["states:StartExecution"], names.arn("states", f"stateMachine:{machine}")),
            _allow(
                ["states:DescribeExecution", "states:RedriveExecution", "states:StopExecution"], executions
            ),
            self._key(),
            _allow([*UNSCOPED["log delivery"], *UNSCOPED["tracing"]], "*"),
        ]

    def producer(self) -> list[iam.PolicyStatement]:
        """Of who hands in documents, by upload or event, follows and redrives them, and takes results."""
        names = self.deployment.names
        return [
            self._objects("inbox", "*", "s3:GetObject", "s3:PutObject"),
            self._objects("results", "results/*", "s3:GetObject"),
            _allow(["s3:ListBucket"], self.deployment.bucket_arn("results")),
            _allow(["events:PutEvents"], names.arn("events", f"event-bus/{names.bus('documents')}")),
            *self._jobs.look_up(),
            self._key(),
        ]

    def realtime_caller(self) -> list[iam.PolicyStatement]:
        """Of who reads single pages at once: rotation for an upright page, then the real-time endpoints."""
        return [
            _allow(["lambda:InvokeFunction"], self._function_arn("rotation")),
            _allow(["sagemaker:InvokeEndpoint"], *self._endpoint_arns("realtime")),
        ]

    def flow_logs(self) -> list[iam.PolicyStatement]:
        """Of the flow logs of a network of the component's own."""
        names, group = self.deployment.names, flow_logs(self.deployment.names)
        return [
            _allow(["logs:DescribeLogGroups"], "*"),
            _allow(["logs:DescribeLogStreams"], names.arn("logs", f"log-group:{group}")),
            _allow(
                ["logs:CreateLogStream", "logs:PutLogEvents"],
                names.arn("logs", f"log-group:{group}:log-stream:*"),
            ),
        ]

    @property
    def _jobs(self) -> JobPermissions:
        return JobPermissions(self.deployment)

    def _intake(self) -> list[iam.PolicyStatement]:
        return [
            *self._read("inbox", "*"),
            *self._read("artifacts", "bundles/*"),
            *self._jobs.admit(),
            self._dead_letters("jobs"),
        ]

    def _paginate(self) -> list[iam.PolicyStatement]:
        return [*self._read("inbox", "*"), *self._read("work", "jobs/*"), self._write("work", "jobs/*")]

    def _rotation(self) -> list[iam.PolicyStatement]:
        return self._paginate()

    def _dispatch(self) -> list[iam.PolicyStatement]:
        mode = self.deployment.settings.profile.modes[0]
        action = "sagemaker:InvokeEndpointAsync" if mode == "async" else "sagemaker:InvokeEndpoint"
        return [
            *self._settle(),
            *self._read("artifacts", "bundles/*"),
            _allow([action], *self._endpoint_arns(mode)),
        ]

    def _settle(self) -> list[iam.PolicyStatement]:
        """What whoever settles tickets needs: the ticket, the truth in S3, and the states that wait."""
        names = self.deployment.names
        table = names.arn("dynamodb", f"table/{names.table('tickets')}")
        [index] = self.deployment.topology.tables["tickets"].indexes
        machine = names.arn("states", f"stateMachine:{names.state_machine('documents')}")
        return [
            _allow(["dynamodb:GetItem", "dynamodb:UpdateItem"], table),
            _allow(["dynamodb:Query"], f"{table}/index/{index.name}"),
            *self._read("work", "jobs/*"),
            self._write("work", "jobs/*"),
            self._objects("work", "failures/*", "s3:GetObject"),
            # The reference of authorisation knows no resource for these, yet the service asks about the state
            # machine: https://github.com/aws/aws-cdk/pull/8486. Children of a map are under its label.
            _allow(
                ["states:SendTaskFailure", "states:SendTaskHeartbeat", "states:SendTaskSuccess"],
                machine,
                f"{machine}/{MAP_LABEL}",
            ),
        ]

    def _validation(self) -> list[iam.PolicyStatement]:
        return [
            *self._read("work", "jobs/*"),
            self._write("work", "jobs/*"),
            *self._read("results", "results/*"),
            self._write("results", "results/*"),
            *self._read("artifacts", "bundles/*"),
        ]

    def _source(self, name: str) -> list[iam.PolicyStatement]:
        """What a function that a queue feeds needs to take its messages."""
        names, queue = self.deployment.names, self.deployment.topology.functions[name].queue
        if queue is None:
            return []
        actions = [
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
        ]
        return [_allow(actions, names.arn("sqs", names.queue(queue)))]

    def _dead_letters(self, queue: str) -> iam.PolicyStatement:
        names = self.deployment.names
        return _allow(["sqs:SendMessage"], names.arn("sqs", names.dead_letter_queue(queue)))

    def _read(self, bucket: str, keys: str) -> list[iam.PolicyStatement]:
        """Objects of a bucket; without s3:ListBucket an absent one would look like a forbidden one."""
        actions = ["s3:GetObject"]
        if self.deployment.topology.buckets[bucket].versioned:
            actions.append("s3:GetObjectVersion")
        return [
            self._objects(bucket, keys, *actions),
            _allow(["s3:ListBucket"], self.deployment.bucket_arn(bucket)),
        ]

    def _write(self, bucket: str, keys: str) -> iam.PolicyStatement:
        return self._objects(bucket, keys, "s3:PutObject")

    def _objects(self, bucket: str, keys: str, *actions: str) -> iam.PolicyStatement:
        return _allow(actions, self.deployment.bucket_arn(bucket, keys))

    def _network(self) -> list[iam.PolicyStatement]:
        """Lambda and SageMaker make interfaces in the name of the role, whose ids nobody knows before."""
        if self.vpc_id is None:
            return []
        vpc = self.deployment.names.arn("ec2", f"vpc/{self.vpc_id}")
        condition = {"ArnEqualsIfExists": {"ec2:Vpc": vpc}}
        return [
            _allow(UNSCOPED["network"], "*"),
            _allow(UNSCOPED["network interfaces"], "*", conditions=condition),
        ]

    def _log_streams(self) -> iam.PolicyStatement:
        own_group = f"log-group:${{aws:PrincipalTag/{LOG_GROUP_TAG}}}:log-stream:*"
        return _allow(
            ["logs:CreateLogStream", "logs:PutLogEvents"], self.deployment.names.arn("logs", own_group)
        )

    def _key(self) -> iam.PolicyStatement:
        return _allow(["kms:Decrypt", "kms:GenerateDataKey"], self.key_arn)

    def _function_arn(self, name: str) -> str:
        return self.deployment.names.arn("lambda", f"function:{self.deployment.names.function(name)}")

    def _endpoint_arns(self, mode: EndpointMode) -> list[str]:
        return [
            self.deployment.names.arn("sagemaker", f"endpoint/{self.deployment.endpoint(stage, mode)}")
            for stage in self.deployment.topology.endpoints
        ]
