"""Whether the region has the instance types, and the account may use as many at once as it takes.

New accounts have a quota of 0 for most types with a GPU. An update makes new instances beside the old.
https://docs.aws.amazon.com/sagemaker/latest/dg/regions-quotas.html
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from hybrid_ocr.clients import Connection
from hybrid_ocr.contracts.stages import ENDPOINTS
from infra.preflight.check import Check, failed, ok, unknown
from infra.settings import Settings
from topology import load_topology

__all__ = ["concurrency", "quotas", "types"]

_UNRESERVED: Final = 100
"""Executions that Lambda keeps for functions without a reservation.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
"""
_ALL: Final = re.compile(r"number of instances across active endpoints", re.IGNORECASE)
_EXECUTIONS: Final = "lambda/quotas/L-B99A9384"


@dataclass(frozen=True)
class _Need:
    """Instances of one type, or of all: to begin with, and where every endpoint is at its most."""

    first: int
    most: int


@dataclass(frozen=True)
class _Where:
    """Where a quota is raised, and where another type is named."""

    connection: Connection
    settings: Settings

    @property
    def file(self) -> str:
        return f"infra/stages/{self.settings.name}.toml"

    def page(self, quota: Mapping[str, Any]) -> str:
        return _page(self.connection, f"sagemaker/quotas/{quota['QuotaCode']}")


def types(connection: Connection, settings: Settings) -> Iterator[Check]:
    """A check for each instance type of the stage: whether the region has it.

    Nobody lists what SageMaker has where, but it runs on EC2's machines, and EC2 does.
    """
    names = list(_needs(settings))
    offered = _offered(connection, names)
    region, file = connection.names.region, f"infra/stages/{settings.name}.toml"
    for name in names:
        if name in offered:
            yield ok(f"type {name}", f"in {region}")
            continue
        keys = [f"endpoints.{stage}" for stage in ENDPOINTS if settings.instance_type(stage) == name]
        yield failed(
            f"type {name}",
            f"{region} has no {name.removeprefix('ml.')}: name another instance_type for {', '.join(keys)} "
            f"in {file}, or another region",
        )


def quotas(connection: Connection, settings: Settings) -> Iterator[Check]:
    """A check for each instance type of the stage, and one for all endpoints together.

    Endpoints that are there keep their instances until the new ones work.
    """
    needs, quotas, used = _needs(settings), _quotas(connection), _running(connection, settings)
    for name, need in needs.items():
        quota = quotas.get(f"{name} for endpoint usage")
        yield _judged(f"quota {name}", quota, need, used[name], _Where(connection, settings))
    total = next((quota for title, quota in quotas.items() if _ALL.search(title)), None)
    if total is not None:
        every = _Need(sum(need.first for need in needs.values()), sum(need.most for need in needs.values()))
        yield _judged("quota all endpoints", total, every, used.total(), _Where(connection, settings))


def concurrency(connection: Connection) -> Iterator[Check]:
    """Whether the functions' reserved concurrency leaves what Lambda keeps for others."""
    functions = load_topology().functions
    wanted = sum(function.concurrency for function in functions.values())
    client = connection.client("lambda")
    limit = client.get_account_settings()["AccountLimit"]
    reserved = sum(_reserved(client, connection.names.function(name)) for name in functions)
    free = limit["UnreservedConcurrentExecutions"] + reserved
    seen = f"{wanted} to be reserved, {free} free of {limit['ConcurrentExecutions']}, {_UNRESERVED} must stay"
    if free - wanted >= _UNRESERVED:
        yield ok("concurrency", seen)
        return
    yield failed(
        "concurrency",
        f"{seen}: ask for more concurrent executions at {_page(connection, _EXECUTIONS)}, or lower "
        f"`concurrency` of functions in topology/component.toml by {wanted + _UNRESERVED - free} in all",
    )


def _needs(settings: Settings) -> dict[str, _Need]:
    first: Counter[str] = Counter()
    most: Counter[str] = Counter()
    for endpoint in ENDPOINTS:
        for mode in settings.profile.modes:
            name, policy = settings.instance_type(endpoint), settings.policy(endpoint, mode)
            first[name] += max(1, policy.min_instances)
            most[name] += policy.max_instances
    return {name: _Need(first[name], most[name]) for name in first}


def _judged(name: str, quota: Mapping[str, Any] | None, need: _Need, used: int, where: _Where) -> Check:
    if quota is None:
        return unknown(
            name, "Service Quotas does not list it here: the type may not be offered for endpoints"
        )
    value, at_once = int(quota["Value"]), need.first + used
    why = f"beside the {used} that run until then" if used else "to begin with"
    if value < at_once:
        return failed(
            name,
            f"{value}, and {at_once} are needed at once, {why}: ask for "
            f"{max(2 * need.first, need.most, at_once)} at {where.page(quota)}, or name another "
            f"instance_type in {where.file}",
        )
    short = [f"{need.most} to scale as far as policies.toml says"] if value < need.most else []
    short += [f"{2 * need.first} to update"] if value < 2 * need.first else []
    later = f"; later {' and '.join(short)}" if short else ""
    return ok(name, f"{value}, {at_once} are needed {why}{later}")


def _running(connection: Connection, settings: Settings) -> Counter[str]:
    """Instances that the endpoints of the stage have now, by type."""
    client, found = connection.client("sagemaker"), Counter[str]()
    for stage in ENDPOINTS:
        for mode in settings.profile.modes:
            try:
                endpoint = client.describe_endpoint(EndpointName=connection.names.endpoint(stage, mode))
            except ClientError as error:
                if (
                    error.response["Error"]["Code"] != "ValidationException"
                ):  # that says: there is no such one
                    raise
                continue
            config = client.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
            for variant, configured in zip(
                endpoint.get("ProductionVariants", ()), config["ProductionVariants"], strict=False
            ):
                found[configured["InstanceType"]] += variant.get("CurrentInstanceCount", 0)
    return found


def _offered(connection: Connection, names: list[str]) -> set[str]:
    """The types that the region has at all, by EC2's machines beneath SageMaker's."""
    pages = connection.client("ec2").get_paginator("describe_instance_type_offerings")
    types = [name.removeprefix("ml.") for name in names]
    wanted = [{"Name": "instance-type", "Values": types}]
    return {
        f"ml.{offering['InstanceType']}"
        for page in pages.paginate(LocationType="region", Filters=wanted)
        for offering in page["InstanceTypeOfferings"]
    }


def _quotas(connection: Connection) -> dict[str, Mapping[str, Any]]:
    """SageMaker's quotas by their titles: what the account has, else what every account begins with."""
    client = connection.client("service-quotas")
    found: dict[str, Mapping[str, Any]] = {}
    for operation in ("list_aws_default_service_quotas", "list_service_quotas"):
        for page in client.get_paginator(operation).paginate(ServiceCode="sagemaker"):
            found |= {quota["QuotaName"]: quota for quota in page["Quotas"]}
    return found


def _reserved(client: Any, function: str) -> int:  # noqa: ANN401 - boto3 makes its classes at run time
    """What a function has reserved already; a deployment does not take it twice."""
    try:
        return int(
            client.get_function_concurrency(FunctionName=function).get("ReservedConcurrentExecutions", 0)
        )
    except client.exceptions.ResourceNotFoundException:
        return 0


def _page(connection: Connection, path: str) -> str:
    region = connection.names.region
    return f"https://{region}.console.aws.amazon.com/servicequotas/home/services/{path}"
