"""SNS: from topics to queues. The signature of a message is a mark and no signature.

https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from moto.sns.models import SNSBackend, Subscription

from local_aws.messaging.targets import Targets
from local_aws.seams import Seams
from local_aws.unserved import NotServedError

SEAMS: Final = Seams()


@SEAMS.replaces("moto.sns.models:SNSBackend.subscribe")
def _subscribe(
    _targets: Targets,
    original: Callable[..., Any],
    backend: SNSBackend,
    topic: str,
    endpoint: str,
    protocol: str,
) -> Subscription:
    if protocol != "sqs":
        raise NotServedError(f"with protocol {protocol}, only with sqs")
    return original(backend, topic, endpoint, protocol)


@SEAMS.replaces("moto.sns.models:SNSBackend.publish")
def _publish_to_topic(_targets: Targets, original: Callable[..., str], *args: Any, **kwargs: Any) -> str:
    if kwargs.get("phone_number"):
        raise NotServedError("with a phone number, only with topics")
    return original(*args, **kwargs)


@SEAMS.replaces("moto.sns.models:Subscription.publish")
def _publish(
    targets: Targets,
    _original: object,
    subscription: Subscription,
    message: str,
    message_id: str,
    **others: Any,
) -> None:
    matcher, attributes = subscription._filter_policy_matcher, others["message_attributes"]
    if matcher is not None and not matcher.matches(attributes, message):
        return
    if others["message_structure"] == "json":
        message = subscription._parse_message_structure(message, subscription.protocol)
    parameters: dict[str, Any] = {}
    if str(subscription.attributes.get("RawMessageDelivery")).lower() == "true":
        text, parameters["message_attributes"] = message, _of_queue(attributes or {})
    else:
        text = json.dumps(_envelope(subscription, message, message_id, others["subject"], attributes))
    if subscription.endpoint.endswith(".fifo"):
        content = hashlib.sha256(message.encode()).hexdigest()
        parameters["group_id"] = others["group_id"]
        parameters["deduplication_id"] = others["deduplication_id"] or content
    redrive = json.loads(subscription.attributes.get("RedrivePolicy") or "{}")
    targets.send(
        None if subscription.topic.fifo_topic else "sns",
        subscription.endpoint,
        text,
        dead_letter=redrive.get("deadLetterTargetArn"),
        **parameters,
    )


def _envelope(
    subscription: Subscription, message: str, message_id: str, subject: str | None, attributes: Any
) -> dict[str, Any]:
    host = f"https://sns.{subscription.topic.sns_backend.region_name}.amazonaws.com"
    fields = {
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
    return {name: value for name, value in fields.items() if value}


def _of_queue(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of a notification as those of a message of a queue."""
    return {
        name: {
            "DataType": value["Type"],
            "BinaryValue" if value["Type"].startswith("Binary") else "StringValue": value["Value"],
        }
        for name, value in attributes.items()
    }
