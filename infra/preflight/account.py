"""What the account needs: the CDK's bootstrap, stacks at rest, a network that is there, free names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from hybrid_ocr.clients import Connection
from infra.buckets import bucket_exists
from infra.network import INTERFACES, ZONES
from infra.preflight.check import Check, failed, ok
from infra.settings import Settings
from topology import load_topology

__all__ = ["bootstrapped", "names_free", "network", "stack_statuses", "stacks_at_rest"]

_PARAMETER: Final = "/cdk-bootstrap/hnb659fds/version"
_LEAST_BOOTSTRAP: Final = 6
"""What the manifest of a synthesised stage asks for."""
_STACKS: Final = ("data", "network", "endpoints", "flow", "operations")
_STUCK: Final = ("ROLLBACK_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED")
_VPCS: Final = "L-F678F1CE"
"""The quota of VPCs in a region."""


def bootstrapped(connection: Connection) -> Iterator[Check]:
    """Whether `cdk bootstrap` was run in this account and region, by a CDK that is new enough."""
    names = connection.names
    remedy = f"run `cdk bootstrap aws://{names.account}/{names.region}` once"
    ssm = connection.client("ssm")
    try:
        version = int(ssm.get_parameter(Name=_PARAMETER)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        yield failed("bootstrap", f"the CDK has nothing in {names.account}, {names.region}: {remedy}")
        return
    if version < _LEAST_BOOTSTRAP:
        yield failed("bootstrap", f"version {version} is older than {_LEAST_BOOTSTRAP}: {remedy}")
    else:
        yield ok("bootstrap", f"version {version}")


def stack_statuses(connection: Connection) -> dict[str, str]:
    """The status of each stack of the stage that is there, by its name."""
    cloudformation, found = connection.client("cloudformation"), {}
    for part in _STACKS:
        name = f"{connection.names.prefix}-{part}"
        try:
            [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":  # that says: there is no such stack
                raise
        else:
            found[name] = stack["StackStatus"]
    return found


def stacks_at_rest(statuses: dict[str, str]) -> Iterator[Check]:
    """Whether nobody else deploys the stage, and nothing is stuck."""
    busy = [f"{name} is {status}" for name, status in statuses.items() if status.endswith("_IN_PROGRESS")]
    stuck = [f"{name} is {status}" for name, status in statuses.items() if status in _STUCK]
    if busy:
        yield failed("stacks", f"{', '.join(busy)}: another deployment is under way; wait until it has ended")
    elif stuck:
        yield failed(
            "stacks",
            f"{', '.join(stuck)}: look at its events in CloudFormation, then delete it or go on with its "
            "rollback",
        )
    else:
        yield ok(
            "stacks", ", ".join(f"{n} {s}" for n, s in statuses.items()) or "none yet: the first deployment"
        )


def network(connection: Connection, settings: Settings, statuses: dict[str, str]) -> Iterator[Check]:
    """Whether the network of the stage can be made, or is there and whole."""
    network = settings.stage.network
    if network.kind == "none":
        yield ok("network", "functions run outside a VPC")
    elif network.vpc_id is None or network.subnet_ids is None:
        yield from _own_network(connection, there=f"{connection.names.prefix}-network" in statuses)
    else:
        yield from _existing_network(connection, settings, network.vpc_id, network.subnet_ids)


def _own_network(connection: Connection, *, there: bool) -> Iterator[Check]:
    """Whether the account may have one more VPC, and its zones have the services' endpoints."""
    if there:
        yield ok("network", "its own, and there")
        return
    ec2, region = connection.client("ec2"), connection.names.region
    made = len(ec2.describe_vpcs()["Vpcs"])
    quota = connection.client("service-quotas").get_service_quota(ServiceCode="vpc", QuotaCode=_VPCS)["Quota"]
    if made >= quota["Value"]:
        yield failed(
            "network",
            f"{made} VPCs are there, and the account may have {quota['Value']:g} in {region}: ask for more "
            f"(Service Quotas, vpc, {_VPCS}), or name one of them in [network]",
        )
        return
    zones = sorted(zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"])[
        :ZONES
    ]
    names = [f"com.amazonaws.{region}.{service}" for service in INTERFACES]
    for service in ec2.describe_vpc_endpoint_services(ServiceNames=names)["ServiceDetails"]:
        if absent := set(zones) - set(service["AvailabilityZones"]):
            yield failed(
                "network",
                f"{service['ServiceName']} has no endpoints in {', '.join(sorted(absent))}: name a VPC of "
                "yours in other zones in [network]",
            )
            return
    yield ok("network", f"will be made in {', '.join(zones)}")


def _existing_network(
    connection: Connection, settings: Settings, vpc_id: str, subnet_ids: Sequence[str]
) -> Iterator[Check]:
    place = f"infra/stages/{settings.name}.toml: network"
    ec2 = connection.client("ec2")
    try:
        ec2.describe_vpcs(VpcIds=[vpc_id])
        subnets = ec2.describe_subnets(SubnetIds=list(subnet_ids))["Subnets"]
    except ClientError as error:
        if not error.response["Error"]["Code"].endswith(".NotFound"):
            raise
        said = error.response["Error"]["Message"]
        yield failed("network", f"{place}: {said}: name those of {connection.names.region}")
        return
    strangers = [subnet["SubnetId"] for subnet in subnets if subnet["VpcId"] != vpc_id]
    zones = {subnet["AvailabilityZone"] for subnet in subnets}
    if strangers:
        yield failed("network", f"{place}.subnet_ids: {', '.join(strangers)} is in another VPC than {vpc_id}")
    elif len(zones) < ZONES:
        yield failed(
            "network", f"{place}.subnet_ids: all are in {', '.join(zones)}: name subnets of two zones"
        )
    else:
        yield ok("network", f"{vpc_id} with {len(subnets)} subnets in {len(zones)} zones")


def names_free(connection: Connection, statuses: dict[str, str]) -> Iterator[Check]:
    """Whether nothing of an earlier stage of this name is in the way of a first deployment."""
    names = connection.names
    if f"{names.prefix}-data" in statuses:
        yield ok("names", "in use by this stage")
        return
    topology = load_topology()
    buckets = [names.bucket(name) for name in (*topology.buckets, "access-logs")]
    taken = [f"bucket {name}" for name in buckets if bucket_exists(connection.client("s3"), name)]
    dynamodb = connection.client("dynamodb")
    taken += [f"table {names.table(n)}" for n in topology.tables if _has_table(dynamodb, names.table(n))]
    logs = connection.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{names.prefix}")
    taken += [
        f"log group {group['logGroupName']}"
        for group in logs["logGroups"]
        if group["logGroupName"] == f"/aws/lambda/{names.prefix}"
    ]
    if taken:
        yield failed(
            "names",
            f"{', '.join(taken)} is left of an earlier stage {names.stage}: delete it, or name the stage "
            "otherwise",
        )
    else:
        yield ok("names", "free")


def _has_table(dynamodb: Any, name: str) -> bool:  # noqa: ANN401 - boto3 makes its classes at run time
    try:
        dynamodb.describe_table(TableName=name)
    except dynamodb.exceptions.ResourceNotFoundException:
        return False
    return True
