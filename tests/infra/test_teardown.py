"""`make destroy`: says what goes, what stays and what that costs, and empties only what may go."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from autoscaling.prices import load_prices
from hybrid_ocr.clients import Connection
from infra import teardown
from infra.leftovers import kept, own_buckets
from infra.rules import Component
from infra.settings import load_settings
from infra.synthesis import ROOT
from infra.teardown import announcement, clear_logs, empty
from tests.infra.conftest import Account

DOCKERFILE = ROOT / "endpoints" / "Dockerfile"


@pytest.fixture
def dev(account: Account) -> Connection:
    return account("dev")


def _make(connection: Connection, bucket: str) -> None:
    s3 = connection.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


def test_the_buckets_of_a_stage_are_those_of_the_account_and_access_logs_come_last(
    dev: Connection, components: Mapping[str, Component]
) -> None:
    names = own_buckets(components["dev"], dev)

    assert {*names} == {dev.names.bucket(n) for n in ("inbox", "work", "results", "artifacts", "access-logs")}
    assert names[-1] == dev.names.bucket("access-logs")
    assert own_buckets(components["dev-cpu"], dev)[-1] == dev.names.bucket("access-logs")


def test_every_version_and_marker_goes_and_the_bucket_can_be_deleted(dev: Connection) -> None:
    s3, bucket = dev.client("s3"), dev.names.bucket("work")
    _make(dev, bucket)
    for number in range(1_100):
        s3.put_object(Bucket=bucket, Key=f"jobs/{number}", Body=b"x")
    s3.put_object(Bucket=bucket, Key="jobs/0", Body=b"second version")
    s3.delete_object(Bucket=bucket, Key="jobs/1")

    assert empty(dev, [bucket, dev.names.bucket("inbox")]) == {bucket: 1_102}

    s3.delete_bucket(Bucket=bucket)
    assert empty(dev, [bucket]) == {}


def test_access_logs_are_no_longer_written_while_buckets_are_emptied(dev: Connection) -> None:
    s3, bucket, logs = dev.client("s3"), dev.names.bucket("work"), dev.names.bucket("access-logs")
    for name in (bucket, logs):
        _make(dev, name)
    owner = s3.get_bucket_acl(Bucket=logs)["Owner"]["ID"]
    grants = [
        {
            "Grantee": {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/s3/LogDelivery"},
            "Permission": permission,
        }
        for permission in ("WRITE", "READ_ACP")
    ]
    s3.put_bucket_acl(Bucket=logs, AccessControlPolicy={"Grants": grants, "Owner": {"ID": owner}})
    s3.put_bucket_logging(
        Bucket=bucket,
        BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": logs, "TargetPrefix": "work/"}},
    )

    empty(dev, [bucket, logs])

    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)


def test_log_groups_that_came_back_are_deleted_and_no_others(dev: Connection) -> None:
    logs = dev.client("logs")
    for name in ("/aws/lambda/hybrid-ocr-dev", "/aws/lambda/hybrid-ocr-dev-cpu"):
        logs.create_log_group(logGroupName=name)

    assert clear_logs(dev, ["/aws/lambda/hybrid-ocr-dev", "/aws/x"]) == ["/aws/lambda/hybrid-ocr-dev"]

    left = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    assert left == ["/aws/lambda/hybrid-ocr-dev-cpu"]


def test_who_deletes_is_told_which_data_goes(dev: Connection, components: Mapping[str, Component]) -> None:
    told = "\n".join(announcement(components["dev"], dev, load_settings("dev", dockerfile=DOCKERFILE)))

    assert "keep_data = false in dev.toml" in told
    assert f"bucket {dev.names.bucket('results')}" in told


def test_who_keeps_data_is_told_what_stays_and_what_it_costs(
    account: Account, components: Mapping[str, Component]
) -> None:
    prod, component = account("prod"), components["prod"]
    logs = prod.client("logs")
    logs.create_log_group(logGroupName="/aws/lambda/hybrid-ocr-prod")

    stays = {one.name: one for one in kept(component, prod, load_prices())}
    told = "\n".join(announcement(component, prod, load_settings("prod", dockerfile=DOCKERFILE)))

    assert stays["alias/hybrid-ocr-prod"].dollars == 1.0
    assert stays["/aws/lambda/hybrid-ocr-prod"].gigabytes == 0
    assert stays[prod.names.bucket("results")].dollars is None, "nothing has been reported of its size"
    assert prod.names.table("tickets") in stays
    assert {told.name for told in component.of("AWS::Logs::LogGroup")} <= stays.keys()
    assert "keep_data = true in prod.toml" in told
    assert "together at least 1.00 dollars a month" in told
    assert "in the way of a second stage" in told


@pytest.mark.parametrize(
    ("options", "typed", "code"),
    [(["--yes"], None, 0), ([], None, 2), ([], "dev\n", 0), ([], "prod\n", 2)],
)
def test_nothing_goes_unless_somebody_says_so(
    dev: Connection,
    assemblies: Mapping[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    options: list[str],
    typed: str | None,
    code: int,
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return typed is not None

    monkeypatch.setattr(sys, "stdin", Terminal(typed or ""))
    monkeypatch.setattr(sys, "argv", ["teardown", "ask", "dev", *options])
    monkeypatch.setattr(teardown, "connect", lambda _: dev)
    monkeypatch.setattr(teardown, "OUTPUT", assemblies["dev"].parent)

    assert teardown.main() == code
    assert ("YES=1" in capsys.readouterr().err) == (code == 2 and typed is None)


@pytest.mark.parametrize(("stage", "left"), [("dev", 0), ("prod", 1)])
def test_the_data_of_a_stage_that_keeps_it_is_never_deleted(
    account: Account,
    assemblies: Mapping[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    *,
    stage: str,
    left: int,
) -> None:
    connection = account(stage)
    bucket = connection.names.bucket("results")
    _make(connection, bucket)
    connection.client("s3").put_object(Bucket=bucket, Key="results/x", Body=b"x")
    monkeypatch.setattr(sys, "argv", ["teardown", "empty", stage])
    monkeypatch.setattr(teardown, "connect", lambda _: connection)
    monkeypatch.setattr(teardown, "OUTPUT", assemblies[stage].parent)

    assert teardown.main() == 0

    assert connection.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == left
