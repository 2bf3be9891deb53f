"""S3's events, as AWS sends them: to queues and topics that a bucket names, and to EventBridge.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import secrets
import time
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote_plus

from moto.events.models import events_backends
from moto.s3.notifications import _detail_type
from moto.sns.models import sns_backends

from local_aws.messaging.events import aws_event
from local_aws.messaging.targets import Targets
from local_aws.seams import Seams
from local_aws.unserved import NotServedError

SEAMS: Final = Seams()
_SENT: Final = re.compile(
    r"s3:Object(Created:(\*|Put|Post|Copy|CompleteMultipartUpload)|Removed:(\*|Delete)"
    r"|Restore:(Post|Completed)|Acl:Put)"
)
_REASONS: Final = {
    "ObjectCreated:Put": "PutObject",
    "ObjectCreated:Post": "POST Object",
    "ObjectCreated:Copy": "CopyObject",
    "ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
    "ObjectRemoved:Delete": "DeleteObject",
}
_sequence = itertools.count()


@SEAMS.replaces("moto.s3.models:FakeBucket.set_notification_configuration")
def _set_notifications(_targets: Targets, original: Callable[..., None], bucket: Any, config: Any) -> None:
    config = config or {}
    if config.get("CloudFunctionConfiguration"):
        raise NotServedError("with LambdaFunctionConfigurations")
    for one in [*(config.get("TopicConfiguration") or []), *(config.get("QueueConfiguration") or [])]:
        for event in one["Event"]:
            if event.startswith("s3:") and not _SENT.fullmatch(event):
                raise NotServedError(f"with event {event}")
    original(bucket, config)


@SEAMS.replaces("moto.s3.notifications:send_event")
def _send_event(
    targets: Targets, _original: object, account_id: str, event_name: Any, bucket: Any, key: Any
) -> None:
    name, configuration = event_name.value.removeprefix("s3:"), bucket.notification_configuration
    completed = name == "ObjectCreated:Put" and key.multipart is not None  # it is announced by itself
    tagged = name.startswith("ObjectTagging")  # moto tags whatever is uploaded
    if configuration is None or completed or tagged:
        return
    thing = _object(key)
    for one in [*configuration.queue, *configuration.topic]:
        if one.matches(event_name.value, key.name):
            text = json.dumps({"Records": [_record(bucket, name, one.id, thing)]})
            if ":sns:" in one.arn:
                sns_backends[account_id][bucket.region_name].publish(arn=one.arn, message=text)
            else:
                targets.send(None, one.arn, text)
    if configuration.event_bridge is not None:
        event = aws_event("aws.s3", _detail_type(event_name.value), bucket.arn, _detail(bucket, name, thing))
        buses = events_backends[account_id][bucket.region_name].event_buses
        for rule in list(buses["default"].rules.values()):
            rule.send_to_targets(event)


def _object(key: Any) -> dict[str, Any]:
    """The fields of an object, as EventBridge has them; its key is not percent-encoded there."""
    fields = {
        "key": key.name,
        "size": getattr(key, "size", None),  # a delete marker has neither
        "etag": getattr(key, "etag", '""').strip('"') or None,
        "version-id": key.version_id if key.version_id != "null" else None,
        "sequencer": f"{time.time_ns() // 1_000:014X}{next(_sequence) % 2**16:04X}",
    }
    return {name: value for name, value in fields.items() if value is not None}


def _detail(bucket: Any, name: str, thing: dict[str, Any]) -> dict[str, Any]:
    """Of an event of EventBridge: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html."""
    detail = {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": thing,
        "request-id": secrets.token_hex(8).upper(),
        "requester": bucket.account_id,
        "source-ip-address": "127.0.0.1",
    }
    if name in _REASONS:
        detail["reason"] = _REASONS[name]
    if name == "ObjectRemoved:Delete":
        detail["deletion-type"] = "Permanently Deleted"
        detail["object"] = {field: value for field, value in thing.items() if field != "size"}
    return detail


def _record(bucket: Any, name: str, configuration: str, thing: dict[str, Any]) -> dict[str, Any]:
    """A record of a notification.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    names = {"etag": "eTag", "version-id": "versionId"}
    fields = {names.get(field, field): value for field, value in thing.items()}
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": bucket.region_name,
        "eventTime": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        "eventName": name,
        "userIdentity": {"principalId": bucket.account_id},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": secrets.token_hex(8).upper()},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration,
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": {"principalId": bucket.account_id},
                "arn": bucket.arn,
            },
            "object": {**fields, "key": quote_plus(thing["key"], safe="/")},
        },
    }


@SEAMS.replaces("moto.s3.models:FakeKey", value=True)
def _repeatable_versions(_state: object, original: Any) -> type:
    counted: Counter[str] = Counter()

    class RepeatableKey(original):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            if self._is_versioned:
                upload = f"{self.bucket_name} {self.name} {self.etag}"
                counted[upload] += 1
                digest = hashlib.sha256(f"{upload} {counted[upload]}".encode("utf-8", "replace")).digest()
                self._version_id = str(uuid.UUID(bytes=digest[:16], version=4))

    return RepeatableKey
