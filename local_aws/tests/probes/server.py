"""Probes of the seams that concern every service."""

from __future__ import annotations

from botocore.exceptions import ClientError

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
