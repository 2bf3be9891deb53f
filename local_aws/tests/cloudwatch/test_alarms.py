"""Alarms as their owner meets them: evaluated at a time that the test chooses."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import LocalAws, Settings
from local_aws.cloudwatch import evaluate_alarms
from local_aws.server import AwsServer
from local_aws.tests.patience import until

NOW = datetime(2030, 1, 1, 12, 0, 20, tzinfo=UTC).timestamp()
"""The last minute that is over began at 11:59."""
METRIC = {"Namespace": "N", "MetricName": "m", "Dimensions": [{"Name": "d", "Value": "v"}]}
BREACHING = {"1": 9.0, "0": 1.0}


def make(cloudwatch: Any, name: str = "alarm", **changes: Any) -> None:
    """An alarm on a minute's greatest value, from 5 on."""
    described = {
        **METRIC,
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 5.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        **changes,
    }
    cloudwatch.put_metric_alarm(
        AlarmName=name, **{key: value for key, value in described.items() if value is not None}
    )


def put(cloudwatch: Any, minutes: str, now: float = NOW) -> None:
    """One value for each of the last minutes: 1 breaches, 0 does not, - is missing."""
    for ago, minute in enumerate(reversed(minutes), 1):
        if minute != "-":
            when = datetime.fromtimestamp(now // 60 * 60 - 60 * ago + 30, UTC)
            datum = {"MetricName": "m", "Dimensions": METRIC["Dimensions"], "Timestamp": when}
            cloudwatch.put_metric_data(Namespace="N", MetricData=[{**datum, "Value": BREACHING[minute]}])


def state(cloudwatch: Any, name: str = "alarm") -> str:
    kinds = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    [alarm] = kinds["MetricAlarms"] + kinds["CompositeAlarms"]
    return str(alarm["StateValue"])


@pytest.mark.parametrize(
    ("operator", "breaching"),
    [
        ("GreaterThanOrEqualToThreshold", (5.0, 6.0)),
        ("GreaterThanThreshold", (6.0,)),
        ("LessThanOrEqualToThreshold", (4.0, 5.0)),
        ("LessThanThreshold", (4.0,)),
    ],
)
def test_a_threshold_is_crossed_as_the_operator_says(
    server: AwsServer, cloudwatch: Any, operator: str, breaching: tuple[float, ...]
) -> None:
    for value in (4.0, 5.0, 6.0):
        dimensions = [{"Name": "d", "Value": str(value)}]
        when = datetime.fromtimestamp(NOW - 60, UTC)
        datum = {"MetricName": "m", "Dimensions": dimensions, "Timestamp": when, "Value": value}
        cloudwatch.put_metric_data(Namespace="N", MetricData=[datum])
        make(cloudwatch, str(value), Dimensions=dimensions, ComparisonOperator=operator)
    evaluate_alarms(server.metrics, NOW)
    alarms = cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]
    assert {float(alarm["AlarmName"]) for alarm in alarms} == set(breaching)


@pytest.mark.parametrize(
    ("wanted", "minutes", "missing", "ignore", "breaching", "not_breaching"),
    [  # the examples of CloudWatch's documentation; "" is the state it had
        (3, "0-1-1", "OK", "OK", "OK", "OK"),
        (3, "----0", "OK", "OK", "OK", "OK"),
        (3, "-----", "INSUFFICIENT_DATA", "", "ALARM", "OK"),
        (3, "011-1", "ALARM", "ALARM", "ALARM", "ALARM"),
        (3, "--1--", "ALARM", "", "ALARM", "OK"),
        (3, "----1", "", "", "ALARM", "OK"),
        (2, "0-1-1", "ALARM", "ALARM", "ALARM", "ALARM"),
        (2, "00101", "ALARM", "ALARM", "ALARM", "ALARM"),
        (2, "0-1--", "OK", "OK", "ALARM", "OK"),
        (2, "----0", "OK", "OK", "ALARM", "OK"),
        (2, "---1-", "ALARM", "", "ALARM", "OK"),
    ],
)
def test_missing_data_are_treated_as_documented(
    server: AwsServer,
    cloudwatch: Any,
    wanted: int,
    minutes: str,
    missing: str,
    ignore: str,
    breaching: str,
    not_breaching: str,
) -> None:
    put(cloudwatch, minutes)
    expected = {"missing": missing, "ignore": ignore, "breaching": breaching, "notBreaching": not_breaching}
    for treatment in expected:
        make(cloudwatch, treatment, EvaluationPeriods=3, DatapointsToAlarm=wanted, TreatMissingData=treatment)
    for before in ("OK", "ALARM"):
        for treatment in expected:
            cloudwatch.set_alarm_state(AlarmName=treatment, StateValue=before, StateReason="a test")
        evaluate_alarms(server.metrics, NOW)
        for treatment, after in expected.items():
            assert state(cloudwatch, treatment) == (after or before), (treatment, before)


def test_a_new_alarm_knows_nothing_and_an_updated_one_keeps_its_state(
    server: AwsServer, cloudwatch: Any
) -> None:
    make(cloudwatch)
    assert state(cloudwatch) == "INSUFFICIENT_DATA"
    put(cloudwatch, "1")
    evaluate_alarms(server.metrics, NOW)
    make(cloudwatch, Threshold=6.0)
    [alarm] = cloudwatch.describe_alarms()["MetricAlarms"]
    assert (alarm["StateValue"], alarm["Threshold"]) == ("ALARM", 6.0)
    assert "1 out of the last 1 datapoints [9.0]" in alarm["StateReason"]


def test_metric_maths_can_be_watched(server: AwsServer, cloudwatch: Any) -> None:
    stat = {"Metric": METRIC, "Period": 60, "Stat": "p90"}
    metrics = [
        {"Id": "m1", "MetricStat": stat, "ReturnData": False},
        {"Id": "e1", "Expression": "FILL(m1, 0) / 9"},
    ]
    unset = dict.fromkeys((*METRIC, "Statistic", "Period"))
    make(cloudwatch, **unset, Metrics=metrics, Threshold=1.0, EvaluationPeriods=2)
    put(cloudwatch, "1-")
    evaluate_alarms(server.metrics, NOW)
    assert state(cloudwatch) == "OK"
    put(cloudwatch, "11")
    evaluate_alarms(server.metrics, NOW)
    [alarm] = cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]
    assert [(each["Id"], each.get("Expression")) for each in alarm["Metrics"]] == [
        ("m1", None),
        ("e1", "FILL(m1, 0) / 9"),
    ]


def test_a_change_of_state_is_remembered_and_reaches_the_topics(server: AwsServer, cloudwatch: Any) -> None:
    sns, sqs = server.client("sns"), server.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:q")
    other = "arn:aws:automate:us-east-1:ec2:stop"
    make(cloudwatch, AlarmActions=[topic, other], OKActions=[topic], AlarmDescription="Too much.")
    make(cloudwatch, "silent", AlarmActions=[topic], ActionsEnabled=False)
    put(cloudwatch, "1")
    for _ in range(2):
        evaluate_alarms(server.metrics, NOW)
    evaluate_alarms(server.metrics, NOW + 60)  # the extra periods still have data
    [message] = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    notice = json.loads(message["Body"])
    assert notice["Subject"].startswith('ALARM: "alarm"')
    told = json.loads(notice["Message"])
    assert (told["OldStateValue"], told["NewStateValue"]) == ("INSUFFICIENT_DATA", "ALARM")
    assert told["AlarmDescription"] == "Too much."
    assert told["Trigger"]["Dimensions"] == [{"name": "d", "value": "v"}]

    history = cloudwatch.describe_alarm_history(AlarmName="alarm", ScanBy="TimestampAscending")
    items = [(item["HistoryItemType"], item["HistorySummary"]) for item in history["AlarmHistoryItems"]]
    assert items[:2] == [
        ("ConfigurationUpdate", 'Alarm "alarm" created'),
        ("StateUpdate", "Alarm updated from INSUFFICIENT_DATA to ALARM"),
    ]
    assert items[2] == ("Action", f"Successfully executed action {topic}")
    assert items[3][1].startswith(f"Failed to execute action {other}")
    pages = cloudwatch.get_paginator("describe_alarm_history").paginate(PaginationConfig={"PageSize": 2})
    names = [item["AlarmName"] for page in pages for item in page["AlarmHistoryItems"]]
    assert names.count("alarm") == 4
    assert names.count("silent") == 2
    updates = cloudwatch.describe_alarm_history(HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    assert json.loads(updates[0]["HistoryData"])["newState"]["stateValue"] == "ALARM"


def test_alarms_are_found_by_all_that_is_asked(cloudwatch: Any) -> None:
    for name in ("a-1", "a-2", "b-1"):
        make(cloudwatch, name, AlarmActions=[f"arn:aws:sns:us-east-1:123456789012:{name}"])
    cloudwatch.set_alarm_state(AlarmName="a-2", StateValue="OK", StateReason="a test")

    def names(**options: Any) -> list[str]:
        pages = cloudwatch.get_paginator("describe_alarms").paginate(**options)
        return [alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]]

    assert names(AlarmNamePrefix="a-", StateValue="OK") == ["a-2"]
    assert names(ActionPrefix="arn:aws:sns:us-east-1:123456789012:b") == ["b-1"]
    assert names(PaginationConfig={"PageSize": 1}) == ["a-1", "a-2", "b-1"]
    assert names(AlarmTypes=["CompositeAlarm"]) == []


def test_alarms_on_alarms(server: AwsServer, cloudwatch: Any) -> None:
    make(cloudwatch, "on")
    make(cloudwatch, "off", Threshold=100.0)
    rules = {
        'ALARM("on") AND OK("off")': "ALARM",
        "ALARM(on) AND NOT (OK(off) OR INSUFFICIENT_DATA(off))": "OK",
        "ALARM('arn:aws:cloudwatch:us-east-1:123456789012:alarm:on')": "ALARM",
        "ALARM(unknown) OR FALSE": "OK",
        "TRUE": "ALARM",
    }
    for number, rule in enumerate(rules):
        cloudwatch.put_composite_alarm(AlarmName=f"composite-{number}", AlarmRule=rule)
    put(cloudwatch, "1")
    evaluate_alarms(server.metrics, NOW)
    assert [state(cloudwatch, f"composite-{number}") for number in range(5)] == list(rules.values())
    found = cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])
    assert [alarm["AlarmRule"] for alarm in found["CompositeAlarms"]] == list(rules)
    assert found["MetricAlarms"] == []


@pytest.mark.parametrize("rule", ['ALARM("a") XOR OK("b")', "ALARM(", "1 + 1", "MAINTENANCE(a)", ""])
def test_a_rule_that_is_none_is_refused(cloudwatch: Any, rule: str) -> None:
    with pytest.raises(ClientError, match="ValidationError"):
        cloudwatch.put_composite_alarm(AlarmName="composite", AlarmRule=rule or " ")
    assert cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"] == []


def test_an_alarm_that_could_not_be_evaluated_is_refused_and_the_one_before_it_stays(cloudwatch: Any) -> None:
    make(cloudwatch)
    search = [{"Id": "e", "Expression": "SEARCH('{N} m', 'Sum', 60)", "Period": 60}]
    for changes in (
        {"Threshold": None},
        {**dict.fromkeys((*METRIC, "Statistic", "Period")), "Metrics": search},
    ):
        with pytest.raises(ClientError, match="ValidationError"):
            make(cloudwatch, **changes)
    [alarm] = cloudwatch.describe_alarms()["MetricAlarms"]
    assert alarm["MetricName"] == "m"


def test_alarms_are_evaluated_while_a_local_aws_runs() -> None:
    with LocalAws(settings=Settings(alarm_seconds=0.02)) as aws:
        cloudwatch = aws.client("cloudwatch")
        make(cloudwatch, TreatMissingData="breaching")
        until(lambda: state(cloudwatch) == "ALARM")
