"""The one list of actions that may stand beside `Resource: *`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["UNSCOPED"]

UNSCOPED: Final[Mapping[str, tuple[str, ...]]] = {
    "tracing": (
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    ),
    "network": (
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
    ),
    "network interfaces": (  # in the network of the stage alone, by a condition
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:CreateNetworkInterfacePermission",
        "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
        "ec2:UnassignPrivateIpAddresses",
    ),
    "log delivery": (
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
    ),
    "registry login": ("ecr:GetAuthorizationToken",),
    "metrics": ("cloudwatch:PutMetricData",),
}
"""All actions that may stand beside `Resource: *`, since AWS offers nothing narrower.

Interfaces of the network could be named if anybody knew their ids before they are made: a condition keeps
them to one network instead.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
"""
