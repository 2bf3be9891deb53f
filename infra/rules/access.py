"""Rules of who may do what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from infra.rules.component import Component, Resource
from infra.rules.registry import rule
from infra.unscoped import UNSCOPED

_UNSCOPED: Final = frozenset(action for actions in UNSCOPED.values() for action in actions)
_DOCUMENTS: Final = {
    "AWS::IAM::ManagedPolicy": "PolicyDocument",
    "AWS::IAM::Policy": "PolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
}
_OBJECTS: Final = re.compile(r"^arn:[^:]+:s3:::([^/]+)/(.*)$")
_ANY_KEY: Final = "inbox"
"""The bucket whose keys are for producers to choose."""


@rule
def actions_have_no_wildcard(component: Component) -> Iterator[str]:
    """No policy allows an action with a wildcard."""
    for resource, statement in _allowed(component):
        if any("*" in action for action in _listed(statement["Action"])):
            yield str(resource)


@rule
def everything_is_a_fixed_list(component: Component) -> Iterator[str]:
    """`Resource: *` stands beside actions of UNSCOPED alone."""
    for resource, statement in _allowed(component):
        everything = "*" in _listed(statement["Resource"]) and resource.type != "AWS::KMS::Key"
        if everything and not set(_listed(statement["Action"])) <= _UNSCOPED:
            yield str(resource)


@rule
def interfaces_stay_in_one_network(component: Component) -> Iterator[str]:
    """Who may make or delete network interfaces may do so in the network of the stage alone."""
    for resource, statement in _allowed(component):
        meant = set(_listed(statement["Action"])) & set(UNSCOPED["network interfaces"])
        if meant and "ec2:Vpc" not in statement.get("Condition", {}).get("ArnEqualsIfExists", {}):
            yield str(resource)


@rule
def no_policy_of_aws_is_used(component: Component) -> Iterator[str]:
    """No role has a policy that AWS manages, such as *FullAccess."""
    for role in component.of("AWS::IAM::Role"):
        arns = [str(arn) for arn in role.properties.get("ManagedPolicyArns", ())]
        if any(":iam::aws:policy/" in arn for arn in arns) or role.properties.get("Policies"):
            yield str(role)


@rule
def objects_are_limited_to_a_prefix(component: Component) -> Iterator[str]:
    """Who may read or write objects may do so below a prefix; only the inbox is open whole."""
    for resource, statement in _allowed(component):
        for arn in _listed(statement["Resource"]):
            found = _OBJECTS.match(arn)
            if found and found[2].startswith("*") and f"-{_ANY_KEY}-" not in found[1]:
                yield str(resource)


@rule
def roles_are_taken_on_in_this_account(component: Component) -> Iterator[str]:
    """A service takes on a role for this account alone, so that no other account's resource can use it."""
    for role in component.of("AWS::IAM::Role"):
        for statement in role.properties["AssumeRolePolicyDocument"]["Statement"]:
            if "aws:SourceAccount" not in statement.get("Condition", {}).get("StringEquals", {}):
                yield str(role)


@rule
def nobody_comes_in(component: Component) -> Iterator[str]:
    """Security groups let nothing in from outside, and speak nothing but HTTPS."""
    for group in component.of("AWS::EC2::SecurityGroup"):
        out = group.properties.get("SecurityGroupEgress", [{}])
        into = group.properties.get("SecurityGroupIngress", ())
        from_outside = any(not str(told.get("CidrIp")).startswith("10.") for told in into)
        if from_outside or any(told.get("ToPort") != 443 for told in (*out, *into)):
            yield str(group)


def _allowed(component: Component) -> Iterator[tuple[Resource, dict[str, Any]]]:
    for resource in component.of(*_DOCUMENTS):
        for statement in resource.properties[_DOCUMENTS[resource.type]]["Statement"]:
            if statement["Effect"] == "Allow":
                yield resource, statement


def _listed(value: Any) -> list[str]:  # noqa: ANN401 - one string or several
    return [value] if isinstance(value, str) else list(value)
