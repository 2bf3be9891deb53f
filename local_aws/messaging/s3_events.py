"""S3's events, as AWS sends them: to EventBridge.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
import time
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from moto.events.models import events_backends
from moto.s3.notifications import _detail_type

from local_aws.messaging.events import aws_event
from local_aws.seams import Seams
from local_aws.unserved import NotServedError

SEAMS: Final = Seams()
_REASONS: Final = {
    "ObjectCreated:Put": "PutObject",
    "ObjectCreated:Post": "POST Object",
    "ObjectCreated:Copy": "CopyObject",
    "ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
    "ObjectRemoved:Delete": "DeleteObject",
}
_sequence = itertools.count()


@SEAMS.replaces("moto.s3.models:FakeBucket.set_notification_configuration")
def _set_notifications(_targets: object, original: Callable[..., None], bucket: Any, config: Any) -> None:
    for kind in ("Topic", "Queue", "CloudFunction"):
        if (config or {}).get(f"{kind}Configuration"):
            raise NotServedError(f"with {kind}Configuration, only with EventBridgeConfiguration")
    original(bucket, config)


@SEAMS.replaces("moto.s3.notifications:send_event")
def _send_event(
    _targets: object, _original: object, account_id: str, event_name: Any, bucket: Any, key: Any
) -> None:
    name, configuration = event_name.value.removeprefix("s3:"), bucket.notification_configuration
    completed = name == "ObjectCreated:Put" and key.multipart is not None  # it is announced by itself
    tagged = name.startswith("ObjectTagging")  # moto tags whatever is uploaded
    if configuration is None or configuration.event_bridge is None or completed or tagged:
        return
    event = aws_event("aws.s3", _detail_type(event_name.value), bucket.arn, _detail(bucket, name, key))
    rules = events_backends[account_id][bucket.region_name].event_buses["default"].rules
    for rule in list(rules.values()):
        rule.send_to_targets(event)


def _detail(bucket: Any, name: str, key: Any) -> dict[str, Any]:
    """What EventBridge gets: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html."""
    thing = {
        "key": key.name,  # not percent-encoded
        "size": getattr(key, "size", None),  # a delete marker has neither
        "etag": getattr(key, "etag", '""').strip('"') or None,
        "version-id": key.version_id if key.version_id != "null" else None,
        "sequencer": f"{time.time_ns() // 1_000:014X}{next(_sequence) % 2**16:04X}",
    }
    detail = {
        "version": "0",
        "bucket": {"name": bucket.name},
        "request-id": secrets.token_hex(8).upper(),
        "requester": bucket.account_id,
        "source-ip-address": "127.0.0.1",
    }
    if name in _REASONS:
        detail["reason"] = _REASONS[name]
    if name == "ObjectRemoved:Delete":
        detail["deletion-type"], thing["size"] = "Permanently Deleted", None
    return {**detail, "object": {field: value for field, value in thing.items() if value is not None}}


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
