"""What separates functions and containers from the rest of the network they run in."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.deployment import Deployment

__all__ = ["https_only"]


def https_only(scope: Construct, name: str, deployment: Deployment, what: str) -> str:
    """The id of a security group that lets nothing in, and out only HTTPS, as every service of AWS speaks."""
    group = ec2.CfnSecurityGroup(
        scope,
        name,
        group_description=f"{what} of {deployment.names.prefix}",
        vpc_id=deployment.settings.stage.network.vpc_id,
        security_group_egress=[
            ec2.CfnSecurityGroup.EgressProperty(
                ip_protocol="tcp",
                from_port=443,
                to_port=443,
                cidr_ip="0.0.0.0/0",
                description="services of AWS",
            )
        ],
    )
    return group.attr_group_id
