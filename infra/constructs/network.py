"""The network that functions and containers run in, and what separates them from the rest of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.constructs.logs import log_group
from infra.constructs.roles import role
from infra.deployment import Deployment, camel
from infra.network import INTERFACES, ZONES
from infra.permissions import Permissions, flow_logs

__all__ = ["OwnNetwork", "Place", "https_only"]

_RANGE: Final = "10.0.0.0/16"
"""Nothing outside knows of these addresses, so they may be in use elsewhere."""
_SUBNET_BITS: Final = 20


@dataclass(frozen=True)
class Place:
    """Where functions and containers run: a VPC and its subnets, by their ids."""

    vpc_id: str
    subnet_ids: Sequence[str]

    @classmethod
    def existing(cls, deployment: Deployment) -> Place | None:
        """The VPC that the stage names; None where it names none."""
        told = deployment.settings.stage.network
        return cls(told.vpc_id, told.subnet_ids) if told.vpc_id and told.subnet_ids else None


class OwnNetwork(Construct):
    """A VPC without a way out, in which what the component calls has endpoints.

    S3 and DynamoDB are reached by gateway endpoints, which cost nothing; each interface endpoint is paid by
    the hour and zone.
    """

    def __init__(self, scope: Construct, name: str, deployment: Deployment, key: kms.IKey) -> None:
        super().__init__(scope, name)
        subnets = ec2.SubnetConfiguration(
            name="Isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=_SUBNET_BITS
        )
        vpc = ec2.Vpc(
            self,
            "Vpc",
            vpc_name=deployment.names.prefix,
            ip_addresses=ec2.IpAddresses.cidr(_RANGE),
            max_azs=ZONES,
            subnet_configuration=[subnets],
            # The CDK would empty the default group by a function of its own; nothing of ours is ever in it.
            restrict_default_security_group=False,
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "DynamoDb": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB),
            },
        )
        ids = [subnet.subnet_id for subnet in vpc.isolated_subnets]
        self.place = Place(vpc.vpc_id, ids)
        self._log_flows(vpc, deployment, key)
        self._interfaces(vpc.vpc_id, ids, deployment)

    def _log_flows(self, vpc: ec2.Vpc, deployment: Deployment, key: kms.IKey) -> None:
        """Who spoke to whom, into a log group."""
        lines = log_group(self, "Logs", deployment, key, flow_logs(deployment.names))
        statements = Permissions(deployment, key.key_arn).flow_logs()
        own_role = role(self, "FlowLogs", "vpc-flow-logs", statements, account=deployment.names.account)
        ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_id=vpc.vpc_id,
            resource_type="VPC",
            traffic_type="ALL",
            log_group_name=lines.ref,
            deliver_logs_permission_arn=own_role.role_arn,
        )

    def _interfaces(self, vpc_id: str, subnet_ids: Sequence[str], deployment: Deployment) -> None:
        names = deployment.names
        group = ec2.CfnSecurityGroup(
            self,
            "Interfaces",
            group_description=f"Endpoints of services of AWS for {names.prefix}",
            vpc_id=vpc_id,
            security_group_ingress=[
                ec2.CfnSecurityGroup.IngressProperty(
                    ip_protocol="tcp",
                    from_port=443,
                    to_port=443,
                    cidr_ip=_RANGE,
                    description="functions and containers of the same network",
                )
            ],
            security_group_egress=[
                ec2.CfnSecurityGroup.EgressProperty(
                    ip_protocol="tcp", from_port=443, to_port=443, cidr_ip=_RANGE, description="the network"
                )
            ],
        )
        for service in INTERFACES:
            ec2.CfnVPCEndpoint(
                self,
                camel(service.replace(".", "-")),
                service_name=f"com.amazonaws.{names.region}.{service}",
                vpc_endpoint_type="Interface",
                vpc_id=vpc_id,
                subnet_ids=list(subnet_ids),
                security_group_ids=[group.attr_group_id],
                private_dns_enabled=True,
            )


def https_only(scope: Construct, name: str, deployment: Deployment, what: str, place: Place) -> str:
    """The id of a security group that lets nothing in, and out only HTTPS, as every service of AWS speaks."""
    group = ec2.CfnSecurityGroup(
        scope,
        name,
        group_description=f"{what} of {deployment.names.prefix}",
        vpc_id=place.vpc_id,
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
