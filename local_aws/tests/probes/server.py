"""Probes of the seams that concern every service."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError
from moto.dynamodb.models.table import Table
from moto.s3.models import S3Backend

from local_aws import LocalAws
from local_aws.tests.probes import probe


@probe("moto.moto_server.werkzeug_app:RegexConverter")
def a_key_may_have_a_line_break(aws: LocalAws) -> bool:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="bucket")
    try:
        s3.put_object(Bucket="bucket", Key="a\nb", Body=b"")
    except ClientError:
        return False
    return [thing["Key"] for thing in s3.list_objects_v2(Bucket="bucket").get("Contents", [])] == ["a\nb"]


@probe("moto.dynamodb.responses:DynamoHandler.call_action")
def of_conditional_items_at_once_one_is_written(aws: LocalAws) -> bool:
    dynamodb = aws.client("dynamodb")
    dynamodb.create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
    )
    item = {"TableName": "table", "Item": {"k": {"S": "a"}}, "ConditionExpression": "attribute_not_exists(k)"}
    return _won(Table, "get_item", lambda: dynamodb.put_item(**item)) == 1


@probe("moto.s3.responses:S3Response._key_response")
def of_conditional_objects_at_once_one_is_written(aws: LocalAws) -> bool:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="bucket")
    thing = {"Bucket": "bucket", "Key": "key", "IfNoneMatch": "*"}
    return _won(S3Backend, "get_object", lambda: s3.put_object(**thing)) == 1


def _won(owner: type, name: str, write: Callable[[], object]) -> int:
    """How many of several writers succeed, whose threads meet between the look and the write."""

    def attempt(_number: int) -> bool:
        try:
            write()
        except ClientError:
            return False
        return True

    with patch.object(owner, name, slow(getattr(owner, name))), ThreadPoolExecutor(4) as pool:
        return sum(pool.map(attempt, range(4)))


def slow(function: Callable[..., Any]) -> Callable[..., Any]:
    def wait(*args: Any, **kwargs: Any) -> Any:
        found = function(*args, **kwargs)
        time.sleep(0.05)
        return found

    return wait
