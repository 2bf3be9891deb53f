"""S3's events on the default bus, as AWS sends them.

Replaced: moto's message to EventBridge. Its events spell `etag` wrong, have no true reason, sequencer or
request id, come twice after a multipart upload, and reach every bus.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import moto.s3.models as s3_models
import moto.s3.notifications as s3_notifications
from moto.events.models import events_backends

from local_cloud.aws.replacing import replaced

_REASONS: Final = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
}
_sequence = itertools.count()


@contextmanager
def s3_events() -> Iterator[None]:
    """Buckets that have EventBridge turned on tell the default bus of each object created, once."""
    original: Callable[..., None] = s3_notifications._send_event_bridge_message

    def send(account_id: str, bucket: Any, event_name: Any, key: Any) -> None:  # noqa: ANN401 - moto's
        reason = _REASONS.get(event_name.value)
        if reason is None:
            original(account_id, bucket, event_name, key)
        elif reason != "PutObject" or key.multipart is None:  # moto puts what a multipart upload completes
            event = object_created(account_id, bucket, key, reason)
            for rule in list(
                events_backends[account_id][bucket.region_name].event_buses["default"].rules.values()
            ):
                rule.send_to_targets(event)

    with ExitStack() as stack:
        stack.enter_context(replaced(s3_notifications, "_send_event_bridge_message", send))
        stack.enter_context(_repeatable_versions())
        yield


def object_created(account_id: str, bucket: Any, key: Any, reason: str) -> dict[str, Any]:  # noqa: ANN401
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


@contextmanager
def _repeatable_versions() -> Iterator[None]:
    """Version ids follow from what was uploaded, so that job ids, and with them a fault plan, replay."""
    counted: Counter[str] = Counter()

    class RepeatableKey(s3_models.FakeKey):  # type: ignore[misc]  # moto is untyped
        def __init__(self, *told: Any, **named: Any) -> None:  # noqa: ANN401 - moto's
            super().__init__(*told, **named)
            if self._is_versioned:
                upload = f"{self.bucket_name} {self.name} {self.etag}"
                counted[upload] += 1
                digest = hashlib.sha256(f"{upload} {counted[upload]}".encode("utf-8", "replace")).digest()
                self._version_id = str(uuid.UUID(bytes=digest[:16], version=4))

    with replaced(s3_models, "FakeKey", RepeatableKey):
        yield
