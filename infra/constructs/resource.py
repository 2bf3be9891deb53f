"""What lies beneath a construct of the CDK."""

from __future__ import annotations

from aws_cdk import CfnResource
from constructs import Construct

__all__ = ["resource_of", "skip_checkov", "skip_checkov_of"]


def resource_of(construct: Construct) -> CfnResource:
    """The resource that a construct stands for."""
    resource = construct.node.default_child
    if not isinstance(resource, CfnResource):
        raise TypeError(f"{construct.node.path} stands for no resource of its own")
    return resource


def skip_checkov(construct: Construct, check: str, reason: str) -> None:
    """Let one check of checkov pass over the resource of a construct, and say why."""
    skip_checkov_of(resource_of(construct), check, reason)


def skip_checkov_of(resource: CfnResource, check: str, reason: str) -> None:
    """Let one check of checkov pass over a resource, and say why."""
    resource.add_metadata("checkov", {"skip": [{"id": check, "comment": reason}]})
