"""Findings of cdk-nag that stand, each with its reason. Any other finding fails the synthesis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct

from hybrid_ocr.contracts.names import Names
from hybrid_ocr.contracts.stages import ENDPOINTS
from infra.network import OUTSIDE_A_NETWORK, Network
from infra.permissions import LOG_GROUP_TAG, flow_logs
from infra.settings import Settings

__all__ = ["Acknowledgement", "acknowledge", "acknowledgements"]

_PACKS: Final = ("HIPAA.Security", "NIST.800.53.R5", "PCI.DSS.321")


@dataclass(frozen=True)
class Acknowledgement:
    """One finding: its id, the construct below which it stands (`` is the app), and why."""

    finding: str
    path: str
    reason: str


def acknowledgements(settings: Settings) -> list[Acknowledgement]:
    """All of a stage."""
    return [
        *_wildcards(settings.name, settings.stage.network),
        *_storage(),
        *_messages(),
        *_endpoints(settings),
        *_network(settings.stage.network),
    ]


def acknowledge(app: IConstruct, settings: Settings) -> None:
    """Tell the rule packs what stands; a construct that this deployment has not is passed over."""
    prefix = Names(settings.name).prefix
    for told in acknowledgements(settings):
        construct: IConstruct | None = app
        for part in filter(None, told.path.split("/")):
            name = f"{prefix}-{part}" if construct is app else part
            construct = construct.node.try_find_child(name) if construct else None
        if construct is not None:
            acknowledged = Acknowledgment(id=told.finding, reason=told.reason)
            Validations.of(construct).acknowledge(acknowledged)


def _wildcards(stage: str, network: Network) -> Iterator[Acknowledgement]:
    """Stars in policies: prefixes of keys, streams of logs, and what AWS knows no resource for."""
    names = Names(stage, account="<AWS::AccountId>", region="<AWS::Region>", partition="<AWS::Partition>")

    def objects(bucket: str, keys: str) -> str:
        return f"arn:{names.partition}:s3:::{names.bucket(bucket)}/{keys}"

    machine = names.state_machine("documents")
    reasons = {
        "*": "Only the actions of UNSCOPED stand beside it: AWS offers nothing narrower.",
        objects("inbox", "*"): "Which object is read is what a producer decides.",
        objects("work", "jobs/*"): "Keys begin with the id of a job, which nobody knows before.",
        objects("work", "failures/*"): "SageMaker names a failure by an id of its own.",
        objects("results", "results/*"): "Keys begin with the id of a job, which nobody knows before.",
        objects(
            "artifacts", "bundles/*"
        ): "A bundle is named by a hash of its models, which is new with each.",
        names.arn("logs", f"log-group:<aws:PrincipalTag/{LOG_GROUP_TAG}>:log-stream:*"): (
            "Lambda and SageMaker name the streams; the tag limits each role to its own group."
        ),
        names.arn("states", f"execution:{machine}*"): (
            "Executions are named by jobs, and the children of the flow's own map by Step Functions."
        ),
    }
    if network.kind == "own":
        lines = names.arn("logs", f"log-group:{flow_logs(names)}:log-stream:*")
        reasons[lines] = "Flow logs have a stream for each network interface, whose ids nobody knows before."
    for resource, reason in reasons.items():
        yield Acknowledgement(f"AwsSolutions-IAM5[Resource::{resource}]", "", reason)


def _storage() -> Iterator[Acknowledgement]:
    for pack in _PACKS:
        yield Acknowledgement(
            f"{pack}-S3BucketReplicationEnabled",
            "data/Storage",
            "Documents and results are copies that expire: their producer has the original, versions undo "
            "mistakes. A team that must keep results in two regions adds a rule to that bucket.",
        )
        yield Acknowledgement(
            f"{pack}-S3DefaultEncryptionKMS",
            "data/Storage/AccessLogs",
            "S3 delivers access logs only into a bucket encrypted with keys of S3 itself.",
        )


def _messages() -> Iterator[Acknowledgement]:
    yield Acknowledgement(
        "Serverless-SQSRedrivePolicy", "data/DeadLetters", "A dead-letter queue is where redriving ends."
    )
    yield Acknowledgement(
        "AwsSolutions-SQS3",
        "data/DeadLetters",
        "They are dead-letter queues of functions and e-mails, which the rule knows in one stack alone.",
    )
    yield Acknowledgement(
        "Serverless-LambdaEventSourceMappingDestination",
        "flow/Functions",
        "Lambda takes no such destination for SQS: the queue's own redrive policy keeps what fails.",
    )


def _endpoints(settings: Settings) -> Iterator[Acknowledgement]:
    stored = any(settings.instance(stage)[1].local_storage for stage in ENDPOINTS)
    for pack in _PACKS if stored else ():
        yield Acknowledgement(
            f"{pack}-SageMakerEndpointConfigurationKMSKeyConfigured",
            "endpoints",
            "SageMaker refuses a key for an instance with local storage, whose hardware encrypts it.",
        )


def _network(network: Network) -> Iterator[Acknowledgement]:
    for pack in _PACKS:
        if network.kind == "none":
            yield Acknowledgement(f"{pack}-LambdaInsideVPC", "flow/Functions", OUTSIDE_A_NETWORK)
        if network.kind == "own":
            yield Acknowledgement(
                f"{pack}-VPCDefaultSecurityGroupClosed",
                "network/Network/Vpc",
                "CloudFormation cannot change the default group of a VPC; nothing of ours is in it.",
            )
