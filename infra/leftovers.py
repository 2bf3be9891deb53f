"""What stays when the stacks of a stage are deleted, how much it holds, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from botocore.exceptions import ClientError

from autoscaling.prices import Prices
from hybrid_ocr.clients import Connection
from infra.rules import Component, Resource

__all__ = ["Leftover", "kept", "own_buckets"]

_GB: Final = 2**30
_ACCESS_LOGS: Final = "access-logs"
"""S3 goes on delivering them for hours, so this bucket is emptied last."""


@dataclass(frozen=True)
class Leftover:
    """One resource that stays.

    Attributes:
        what: its kind.
        name: its physical name.
        gigabytes: that it holds; None where nobody knows, or where it costs the same empty.
        dollars: of a month; None where its size is not known.
    """

    what: str
    name: str
    gigabytes: float | None
    dollars: float | None

    def __str__(self) -> str:
        size = "" if self.gigabytes is None else f", {self.gigabytes:.3g} GB"
        cost = "cost unknown" if self.dollars is None else f"{self.dollars:.2f} dollars a month"
        return f"{self.what} {self.name}{size}: {cost}"


def own_buckets(component: Component, connection: Connection) -> list[str]:
    """The buckets of a stage in the account of a connection, that of access logs last."""
    local = [resource.name for resource in component.of("AWS::S3::Bucket")]
    short = [name.removeprefix(f"{component.prefix}-").rsplit("-", 4)[0] for name in local]
    return [connection.names.bucket(name) for name in sorted(short, key=lambda name: name == _ACCESS_LOGS)]


def kept(component: Component, connection: Connection, prices: Prices) -> list[Leftover]:
    """What the templates keep when their stacks are deleted, with what it holds now.

    Raises:
        OcrError: the account cannot be asked.
    """
    stays = [resource for resource in component.resources if resource.deletion.startswith("Retain")]
    found: list[Leftover] = []
    with connection.translated():
        for resource in stays:
            found += _measured(resource, component, connection, prices)
    return found


def _measured(
    resource: Resource, component: Component, connection: Connection, prices: Prices
) -> Iterator[Leftover]:
    match resource.type:
        case "AWS::KMS::Key":
            yield Leftover("key", f"alias/{component.prefix}", None, prices.service("key").dollars)
        case "AWS::S3::Bucket":
            [name] = [
                bucket
                for bucket in own_buckets(component, connection)
                if bucket.startswith(resource.name.rsplit("-", 4)[0])
            ]
            yield _stored("bucket", name, _bucket_bytes(connection, name), prices, "object storage")
        case "AWS::DynamoDB::GlobalTable":
            name = resource.properties["TableName"]
            yield _stored("table", name, _table_bytes(connection, name), prices, "table storage")
        case "AWS::Logs::LogGroup":
            yield _stored("logs", resource.name, _log_bytes(connection, resource.name), prices, "log storage")


def _stored(what: str, name: str, size: float | None, prices: Prices, service: str) -> Leftover:
    gigabytes = None if size is None else size / _GB
    dollars = None if gigabytes is None else gigabytes * prices.service(service).dollars
    return Leftover(what, name, gigabytes, dollars)


def _bucket_bytes(connection: Connection, name: str) -> float | None:
    """As S3 reports it once a day; old versions count."""
    now = datetime.now(UTC)
    answer = connection.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/S3",
        MetricName="BucketSizeBytes",
        Dimensions=[
            {"Name": "BucketName", "Value": name},
            {"Name": "StorageType", "Value": "StandardStorage"},
        ],
        StartTime=now - timedelta(days=3),
        EndTime=now,
        Period=86_400,
        Statistics=["Average"],
    )
    points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
    return float(points[-1]["Average"]) if points else None


def _table_bytes(connection: Connection, name: str) -> float | None:
    try:
        answer: dict[str, Any] = connection.client("dynamodb").describe_table(TableName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    return float(answer["Table"]["TableSizeBytes"])


def _log_bytes(connection: Connection, name: str) -> float | None:
    groups = connection.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return next(
        (float(group.get("storedBytes", 0)) for group in groups if group["logGroupName"] == name), None
    )
