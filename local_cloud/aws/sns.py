"""SNS: from topics to queues.

Replaced: moto's delivery to SQS, to let it pass the fault plan, and because moto signs each message with a
certificate made for it, which takes longer than the rest and is kept for ever. The signature here is a mark.
https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from moto.sns.models import Subscription
from moto.sqs.models import sqs_backends

from local_cloud.aws.faults import FaultPlan
from local_cloud.aws.later import Later
from local_cloud.aws.replacing import replaced

_log = logging.getLogger(__name__)


@contextmanager
def sns_deliveries(faults: FaultPlan, later: Later) -> Iterator[None]:
    """Messages to SQS subscriptions go through the fault plan."""
    original: Callable[..., None] = Subscription.publish

    def publish(
        subscription: Subscription,
        message: str,
        message_id: str,
        subject: str | None = None,
        **told: Any,  # noqa: ANN401
    ) -> None:
        raw = subscription.attributes.get("RawMessageDelivery") == "true"
        plain = subscription.protocol == "sqs" and not raw and subscription._filter_policy_matcher is None
        if not plain or told.get("message_structure") or told.get("group_id"):
            original(subscription, message, message_id, subject=subject, **told)
            return
        text = json.dumps(
            _envelope(subscription, message, message_id, subject, told.get("message_attributes"))
        )
        for delay in faults.deliveries("sns", text):
            later.call(delay, partial(_send, subscription, text))

    with replaced(Subscription, "publish", publish):
        yield


def _send(subscription: Subscription, text: str) -> None:
    _, _, _, region, account, queue = subscription.endpoint.split(":")
    try:
        sqs_backends[account][region].send_message(queue, text)
    except Exception as error:  # moto raises many kinds
        _log.warning("no delivery to queue %s: %s", queue, type(error).__name__)


def _envelope(
    subscription: Subscription,
    message: str,
    message_id: str,
    subject: str | None,
    attributes: Any,  # noqa: ANN401
) -> dict[str, Any]:
    host = f"https://sns.{subscription.topic.sns_backend.region_name}.amazonaws.com"
    told = {
        "Type": "Notification",
        "MessageId": message_id,
        "TopicArn": subscription.topic.arn,
        "Subject": subject,
        "Message": message,
        "Timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "SignatureVersion": "1",
        "Signature": "bG9jYWw=",
        "SigningCertURL": f"{host}/SimpleNotificationService-local.pem",
        "UnsubscribeURL": f"{host}/?Action=Unsubscribe&SubscriptionArn={subscription.arn}",
        "MessageAttributes": attributes,
    }
    return {name: value for name, value in told.items() if value is not None}
