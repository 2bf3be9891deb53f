"""Whatever is not served is an error that names it, in the shape of each protocol, after one request."""

from __future__ import annotations

import logging

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError
from botocore.parsers import create_parser
from moto.sqs.models import SQSBackend

from local_aws.account import CREDENTIALS
from local_aws.server import AwsServer
from local_aws.tests.patience import PATIENCE

TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/endpoint/variant/main",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


@pytest.fixture(scope="module")
def aws():
    with AwsServer() as server:
        server.client("s3").create_bucket(Bucket="bucket")
        yield server


def refusal(aws, service, operation, parameters):
    """The error of a call and how many requests it took."""
    client = boto3.client(service, endpoint_url=aws.endpoint_url, **CREDENTIALS)
    requests = []
    client.meta.events.register("before-send.*", lambda request, **_: requests.append(request) and None)
    with pytest.raises(ClientError) as error:
        getattr(client, operation)(**parameters)
    return error.value.response, len(requests)


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "name"),
    [
        ("dynamodb", "list_global_tables", {}, "dynamodb.ListGlobalTables"),  # json
        ("iam", "get_context_keys_for_custom_policy", {"PolicyInputList": ["x"]}, None),  # query
        ("lambda", "list_capacity_providers", {}, "lambda.ListCapacityProviders"),  # rest-json
        ("route53", "list_cidr_blocks", {"CollectionId": "x" * 36}, "route53.ListCidrBlocks"),  # rest-xml
        ("ec2", "describe_capacity_manager_data_exports", {}, None),  # ec2
        ("s3", "put_bucket_website", {"Bucket": "bucket", "WebsiteConfiguration": {}}, None),
        ("scheduler", "list_schedules", {}, "scheduler.ListSchedules"),  # a whole service
        ("pipes", "list_pipes", {}, "pipes.ListPipes"),
        ("sns", "create_platform_application", {"Name": "a", "Platform": "GCM", "Attributes": {}}, None),
        ("cloudwatch", "describe_anomaly_detectors", {}, "cloudwatch.DescribeAnomalyDetectors"),
        ("sagemaker-edge", "get_deployments", {"DeviceName": "d", "DeviceFleetName": "f"}, None),
        ("stepfunctions", "create_activity", {"name": "a"}, "stepfunctions.CreateActivity"),
        ("application-autoscaling", "put_scheduled_action", {"ScheduledActionName": "a", **TARGET}, None),
        (
            "application-autoscaling",
            "put_scaling_policy",
            {"PolicyName": "a", **TARGET},
            "application-autoscaling.PutScalingPolicy",
        ),
        ("snowball", "list_jobs", {}, "snowball.ListJobs"),  # of which moto has nothing
    ],
)
def test_what_is_not_served_is_named_after_one_request(aws, service, operation, parameters, name):
    answer, requests = refusal(aws, service, operation, parameters)
    assert answer["Error"]["Code"] == "NotImplemented"
    expected = name or f"{service}."
    assert f"the local AWS does not serve {expected}" in answer["Error"]["Message"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert requests == 1


def test_a_fault_of_moto_is_an_internal_failure_that_tells_its_kind(aws, monkeypatch, caplog):
    def fail(*_args, **_kwargs):
        raise ZeroDivisionError("<broken>")

    monkeypatch.setattr(SQSBackend, "list_queues", fail)
    with caplog.at_level(logging.ERROR):
        answer, requests = refusal(aws, "sqs", "list_queues", {})
    assert answer["Error"]["Code"] == "InternalFailure"
    assert "sqs.ListQueues" in answer["Error"]["Message"]
    assert "ZeroDivisionError: <broken>" in answer["Error"]["Message"]
    assert requests == 1
    assert "in fail" in caplog.text  # the traceback


def signed(service, **headers):
    return {
        "Authorization": f"AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/{service}/aws4_request",
        **headers,
    }


def test_a_service_that_nobody_knows_is_named(aws):
    answer = httpx.post(f"{aws.endpoint_url}/thing", headers=signed("no-such"), timeout=PATIENCE)
    assert answer.status_code == 501
    assert "the local AWS does not serve no-such.POST /thing" in answer.text


def test_an_operation_that_is_none_is_named(aws):
    headers = signed(
        "events", **{"X-Amz-Target": "AWSEvents.Nope", "Content-Type": "application/x-amz-json-1.1"}
    )
    answer = httpx.post(aws.endpoint_url, headers=headers, content=b"{}", timeout=PATIENCE)
    assert answer.json() == {
        "__type": "NotImplemented",
        "message": "the local AWS does not serve events.Nope",
    }


def test_cbor_gets_cbor(aws):
    path = "/service/GraniteServiceVersion20100801/operation/PutMetricData"
    headers = signed("monitoring", **{"smithy-protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"})
    answer = httpx.post(aws.endpoint_url + path, headers=headers, content=b"\xa0", timeout=PATIENCE)
    parsed = create_parser("smithy-rpc-v2-cbor").parse(
        {"body": answer.content, "headers": answer.headers, "status_code": answer.status_code}, None
    )
    assert parsed["Error"]["Code"] == "NotImplemented"
    assert "cloudwatch.PutMetricData by smithy-rpc-v2-cbor" in parsed["Error"]["Message"]


def test_what_is_absent_stays_absent(aws):
    s3 = aws.client("s3")
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket="bucket", Key="nothing")
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket="bucket", Key="nothing")
    with pytest.raises(ClientError, match=r"NonExistentQueue|QueueDoesNotExist"):
        aws.client("sqs").get_queue_url(QueueName="nothing")
