"""Doubles with settings of their own, and what is left when one is stopped."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest
from botocore.exceptions import ClientError

from local_aws.errors import StartError
from local_aws.sagemaker import RuntimeLimits
from local_aws.server import AwsServer
from local_aws.tests.patience import PATIENCE, until
from local_aws.tests.sagemaker.conftest import started


def test_a_call_may_take_no_longer_than_the_service_waits(server: AwsServer, tmp_path: Path) -> None:
    with started(server, tmp_path, limits=RuntimeLimits(realtime_seconds=0.2)) as cloud:
        cloud.create("slow")
        with pytest.raises(ClientError, match="timed out while waiting") as late:
            cloud.runtime.invoke_endpoint(EndpointName="slow", Body=b'{"seconds": 5}')
        assert late.value.response["Error"]["Code"] == "ModelError"
        assert late.value.response["OriginalStatusCode"] == 0


def test_a_request_that_waits_too_long_expires(server: AwsServer, tmp_path: Path) -> None:
    with started(server, tmp_path, limits=RuntimeLimits(default_ttl_seconds=1)) as cloud:
        cloud.create("expiring", asynchronous=True)
        cloud.sagemaker.set_instance_count("expiring", 0)
        answer = cloud.runtime.invoke_endpoint_async(EndpointName="expiring", Body=b"{}")
        (message,) = cloud.messages("expiring", "error")
        assert "expired" in message["failureReason"]
        assert b"expired" in cloud.get(answer["FailureLocation"])
        assert cloud.metric("ExpiredRequests", "expiring") == [1]


def test_endpoints_share_no_process_where_they_shall_not(server: AwsServer, tmp_path: Path) -> None:
    with started(server, tmp_path, limits=RuntimeLimits(share_instances=False)) as cloud:
        cloud.create("one")
        cloud.create("two", asynchronous=True)
        assert set(cloud.sagemaker.hosts["one"]).isdisjoint(cloud.sagemaker.hosts["two"])


def test_a_new_instance_takes_its_time(server: AwsServer, tmp_path: Path) -> None:
    with started(server, tmp_path, limits=RuntimeLimits(ready_after_seconds=3600)) as cloud:
        cloud.create("far-away", wait=False)
        with pytest.raises(StartError, match="not in service within"):
            cloud.sagemaker.wait_in_service("far-away", 0.3)
    with started(server, tmp_path, limits=RuntimeLimits(ready_after_seconds=0.5)) as cloud:
        ordered_at = time.monotonic()
        cloud.create("ordered", wait=False)
        cloud.sagemaker.wait_in_service("ordered", PATIENCE)
        assert time.monotonic() - ordered_at >= 0.5


def test_metrics_come_once_a_period(server: AwsServer, tmp_path: Path) -> None:
    with started(server, tmp_path, limits=RuntimeLimits(metric_period_seconds=0.3)) as cloud:
        cloud.create("measured", asynchronous=True)

        def published(name: str) -> int:
            return sum(entry["MetricName"] == name for entry in list(cloud.metrics))

        until(lambda: published("ApproximateBacklogSize") >= 2)
        until(lambda: published("ConcurrentRequestsPerModel") >= 6)


def test_a_stop_leaves_nothing_behind_and_waits_for_nobody(server: AwsServer, tmp_path: Path) -> None:
    with started(server, tmp_path) as cloud:
        cloud.create("stopped", instances=2, asynchronous=True)
        pids = cloud.sagemaker.hosts["stopped"]
        cloud.runtime.invoke_endpoint_async(EndpointName="stopped", Body=b'{"gate": "/never"}')
        cloud.create("never", model="never", environment={"FAKE_LOADS_UNTIL": "/never"}, wait=False)
    assert not any(psutil.pid_exists(pid) for pid in pids)
    with pytest.raises(StartError, match="not in service"):
        cloud.sagemaker.wait_in_service("never", PATIENCE)
