"""S3's events on the default bus, as AWS sends them: buckets that have EventBridge turned on tell it of each
object created, once.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
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

from local_aws.seams import Seams

SEAMS: Final = Seams()
_REASONS: Final = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
}
_sequence = itertools.count()


@SEAMS.replaces("moto.s3.notifications:_send_event_bridge_message")
def _send(
    _state: object,
    original: Callable[..., None],
    account_id: str,
    bucket: Any,
    event_name: Any,
    key: Any,
) -> None:
    reason = _REASONS.get(event_name.value)
    if reason is None:
        original(account_id, bucket, event_name, key)
    elif reason != "PutObject" or key.multipart is None:  # moto puts what a multipart upload completes
        event = object_created(account_id, bucket, key, reason)
        default = events_backends[account_id][bucket.region_name].event_buses["default"]
        for rule in list(default.rules.values()):
            rule.send_to_targets(event)


def object_created(account_id: str, bucket: Any, key: Any, reason: str) -> dict[str, Any]:
    """The event `Object Created` of a moto key. The key's name is not percent-encoded here, as in AWS."""
    thing = {"key": key.name, "size": key.size, "etag": key.etag.strip('"')}
    if key.version_id != "null":
        thing["version-id"] = key.version_id
    thing["sequencer"] = f"{time.time_ns() // 1_000:014X}{next(_sequence) % 2**16:04X}"
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": account_id,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "region": bucket.region_name,
        "resources": [bucket.arn],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket.name},
            "object": thing,
            "request-id": secrets.token_hex(8).upper(),
            "requester": account_id,
            "source-ip-address": "127.0.0.1",
            "reason": reason,
        },
    }


@SEAMS.replaces("moto.s3.models:FakeKey", value=True)
def _repeatable_versions(_state: object, original: Any) -> type:
    counted: Counter[str] = Counter()

    class RepeatableKey(original):  # type: ignore[misc]
        def __init__(self, *told: Any, **named: Any) -> None:
            super().__init__(*told, **named)
            if self._is_versioned:
                upload = f"{self.bucket_name} {self.name} {self.etag}"
                counted[upload] += 1
                digest = hashlib.sha256(f"{upload} {counted[upload]}".encode("utf-8", "replace")).digest()
                self._version_id = str(uuid.UUID(bytes=digest[:16], version=4))

    return RepeatableKey
