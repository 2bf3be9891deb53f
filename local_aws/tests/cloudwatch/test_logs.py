"""What a function or a container writes, read as one reads CloudWatch Logs."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.cloudwatch import LogGroups
from local_aws.cloudwatch.logs import EVENTS_KEPT
from local_aws.server import AwsServer

GROUP = "/aws/lambda/work"


@pytest.fixture
def logs(server: AwsServer) -> Any:
    return server.client("logs")


def test_lines_are_events_of_their_group_and_stream(logs: Any) -> None:
    groups, now = LogGroups(), time.time()
    groups.write(GROUP, "a", [b"START \xc3\xa9\n", "", "END\r\n"], now - 2)
    groups.write(GROUP, "b", ["ERROR broken"], now - 1)
    groups.write("/aws/sagemaker/Endpoints/ocr", "AllTraffic/i-1", ["ready"])
    found = logs.filter_log_events(logGroupName=GROUP, interleaved=True)["events"]
    assert [(event["logStreamName"], event["message"]) for event in found] == [
        ("a", "START é"),
        ("a", "END"),
        ("b", "ERROR broken"),
    ]
    assert [event["timestamp"] for event in found] == 2 * [int((now - 2) * 1_000)] + [int((now - 1) * 1_000)]
    errors = logs.filter_log_events(
        logGroupName=GROUP, filterPattern="ERROR", startTime=int(now - 60) * 1_000
    )
    assert [event["message"] for event in errors["events"]] == ["ERROR broken"]
    streams = logs.describe_log_streams(logGroupName=GROUP, orderBy="LastEventTime", descending=True)
    assert [stream["logStreamName"] for stream in streams["logStreams"]] == ["b", "a"]
    got = logs.get_log_events(logGroupName=GROUP, logStreamName="a", startFromHead=True)["events"]
    assert [event["message"] for event in got] == ["START é", "END"]
    names = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    assert names == [GROUP, "/aws/sagemaker/Endpoints/ocr"]


def test_what_is_written_by_many_is_read_meanwhile_and_whole(logs: Any) -> None:
    groups = LogGroups()
    groups.write(GROUP, "0-0", ["line"])

    def write(thread: int) -> None:
        for number in range(100):
            groups.write(GROUP, f"{thread}-{number}", ["line"])

    with ThreadPoolExecutor() as pool:
        done = [pool.submit(write, thread) for thread in range(4)]
        while not all(future.done() for future in done):
            assert logs.filter_log_events(logGroupName=GROUP, interleaved=True)["events"]
    assert len(logs.filter_log_events(logGroupName=GROUP)["events"]) == 401


def test_a_stream_keeps_the_newest(logs: Any) -> None:
    groups = LogGroups()
    for start in range(0, 3 * EVENTS_KEPT, EVENTS_KEPT):
        groups.write(GROUP, "a", (str(number) for number in range(start, start + EVENTS_KEPT)))
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP)
    messages = [event["message"] for page in pages for event in page["events"]]
    assert messages == [str(number) for number in range(EVENTS_KEPT, 3 * EVENTS_KEPT)]


def test_a_deleted_group_comes_back_with_the_next_line(logs: Any) -> None:
    groups = LogGroups()
    groups.write(GROUP, "a", ["first"])
    logs.delete_log_group(logGroupName=GROUP)
    groups.write(GROUP, "a", ["second"])
    assert [event["message"] for event in logs.filter_log_events(logGroupName=GROUP)["events"]] == ["second"]


def test_streams_are_interleaved(logs: Any) -> None:
    groups, now = LogGroups(), time.time()
    for number in range(4):
        groups.write(GROUP, "ab"[number % 2], [str(number)], now + number)
    found = logs.filter_log_events(logGroupName=GROUP)["events"]
    assert [event["message"] for event in found] == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("ERROR", 2), ("ERROR disk", 1), ('"disk full"', 1), ('"full disk"', 0), ("req-1", 1), ("", 3)],
)
def test_patterns_of_words_and_phrases_filter(logs: Any, pattern: str, found: int) -> None:
    LogGroups().write(GROUP, "a", ["req-1 ERROR disk full", "ERROR", "fine"])
    events = logs.filter_log_events(logGroupName=GROUP, filterPattern=pattern)["events"]
    assert len(events) == found


@pytest.mark.parametrize(
    "pattern", ['{ $.level = "ERROR" }', "?ERROR ?WARN", "[ip, user]", "%a.b%", "ERROR -disk"]
)
def test_other_patterns_are_refused_by_name(logs: Any, pattern: str) -> None:
    LogGroups().write(GROUP, "a", ["ERROR disk full"])
    with pytest.raises(ClientError, match=r"InvalidParameterException.*does not serve the filter pattern"):
        logs.filter_log_events(logGroupName=GROUP, filterPattern=pattern)
