"""SNS: from topics to queues, through the fault plan. The signature is a mark and no signature.

https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from moto.sns.models import Subscription
from moto.sqs.models import sqs_backends

from local_aws.messaging.faults import FaultPlan
from local_aws.messaging.later import Later
from local_aws.seams import Seams

_log = logging.getLogger(__name__)


SEAMS: Final = Seams()


@dataclass(frozen=True)
class Notifications:
    """How messages of topics reach their queues."""

    faults: FaultPlan
    later: Later


@SEAMS.replaces("moto.sns.models:Subscription.publish")
def _publish(
    notifications: Notifications,
    original: Callable[..., None],
    subscription: Subscription,
    message: str,
    message_id: str,
    subject: str | None = None,
    **told: Any,
) -> None:
    raw = subscription.attributes.get("RawMessageDelivery") == "true"
    plain = subscription.protocol == "sqs" and not raw and subscription._filter_policy_matcher is None
    if not plain or told.get("message_structure") or told.get("group_id"):
        original(subscription, message, message_id, subject=subject, **told)
        return
    text = json.dumps(_envelope(subscription, message, message_id, subject, told.get("message_attributes")))
    for delay in notifications.faults.deliveries("sns", text):
        notifications.later.call(delay, partial(_send, subscription, text))


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
    attributes: Any,
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
