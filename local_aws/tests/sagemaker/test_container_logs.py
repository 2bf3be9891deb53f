"""What containers log, in the log groups that a ModelError promises."""

from __future__ import annotations

import pytest

from local_aws import StartError
from local_aws.tests.patience import until
from local_aws.tests.sagemaker.conftest import Cloud


def lines(cloud: Cloud, endpoint: str) -> list[tuple[str, bytes]]:
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    return [(stream, line) for name, stream, line in list(cloud.logs) if name == group]


def test_an_instance_has_a_stream_of_its_own(cloud: Cloud) -> None:
    cloud.create("talking", model="talking", instances=2)
    ready = b'{"message": "ready"}'
    until(lambda: [line for _, line in lines(cloud, "talking")].count(ready) == 2)
    streams = [stream for stream, line in lines(cloud, "talking") if line == ready]
    assert len(set(streams)) == 2
    assert all(stream.startswith("main/i-") for stream in streams)


def test_a_container_that_two_endpoints_share_writes_for_both(cloud: Cloud) -> None:
    cloud.create("both-one", model="both")
    until(lambda: lines(cloud, "both-one"))
    cloud.create("both-two", model="both")
    until(lambda: lines(cloud, "both-two"))
    assert lines(cloud, "both-one") == lines(cloud, "both-two")


def test_one_that_cannot_start_has_logged_why(cloud: Cloud) -> None:
    with pytest.raises(StartError):
        cloud.create("dying-early", model="dying-early", environment={"FAKE_FAILS": "yes"})
    assert b"the device is gone" in lines(cloud, "dying-early")[0][1]
