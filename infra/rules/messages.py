"""Rules of queues, topics and rules: what cannot be delivered is kept, and somebody hears of it."""

from __future__ import annotations

import json
from collections.abc import Iterator

from infra.rules.component import Component, Resource
from infra.rules.registry import rule

_VISIBILITY_TIMEOUTS = 6
"""https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""


@rule
def queues_have_dead_letters(component: Component) -> Iterator[str]:
    """Every queue that is no dead-letter queue has one that exists."""
    queues = {component.arn(queue) for queue in component.of("AWS::SQS::Queue")}
    for queue in component.of("AWS::SQS::Queue"):
        target = queue.properties.get("RedrivePolicy", {}).get("deadLetterTargetArn")
        if target not in queues and not _is_dead_letter_queue(queue):
            yield str(queue)


@rule
def targets_have_dead_letters(component: Component) -> Iterator[str]:
    """Every target of an EventBridge rule has a dead-letter queue that exists."""
    queues = {component.arn(queue) for queue in component.of("AWS::SQS::Queue")}
    for told in component.of("AWS::Events::Rule"):
        for target in told.properties["Targets"]:
            if target.get("DeadLetterConfig", {}).get("Arn") not in queues:
                yield str(told)


@rule
def dead_letters_arrive(component: Component) -> Iterator[str]:
    """The queue of what a rule or a bus cannot deliver takes messages from that rule or bus."""
    senders = {
        (queue, source)
        for policy in component.of("AWS::SQS::QueuePolicy")
        for queue, source in _let_in(policy)
    }
    for told in component.of("AWS::Events::Rule"):
        bus = told.properties.get("EventBusName", "default")
        place = told.properties["Name"] if bus == "default" else f"{bus}/{told.properties['Name']}"
        for target in told.properties["Targets"]:
            dead = target.get("DeadLetterConfig", {}).get("Arn")
            if not any(queue == dead and source.endswith(f":rule/{place}") for queue, source in senders):
                yield str(told)
    for bus in component.of("AWS::Events::EventBus"):
        dead = bus.properties.get("DeadLetterConfig", {}).get("Arn")
        if dead is not None and (dead, component.arn(bus)) not in senders:
            yield str(bus)


@rule
def subscriptions_have_dead_letters(component: Component) -> Iterator[str]:
    """Every subscription of a topic has a dead-letter queue that exists."""
    queues = {component.arn(queue) for queue in component.of("AWS::SQS::Queue")}
    for subscription in component.of("AWS::SNS::Subscription"):
        policy = subscription.properties.get("RedrivePolicy", {})
        if policy.get("deadLetterTargetArn") not in queues:
            yield str(subscription)


@rule
def dead_letters_are_alarmed(component: Component) -> Iterator[str]:
    """Every dead-letter queue has an alarm at its first message."""
    alarmed = {
        dimension["Value"]
        for alarm in component.of("AWS::CloudWatch::Alarm")
        if alarm.properties.get("MetricName") == "ApproximateNumberOfMessagesVisible"
        and alarm.properties["Threshold"] == 1
        for dimension in alarm.properties.get("Dimensions", ())
    }
    for queue in component.of("AWS::SQS::Queue"):
        if _is_dead_letter_queue(queue) and queue.name not in alarmed:
            yield str(queue)


@rule
def visibility_outlasts_the_function(component: Component) -> Iterator[str]:
    """A queue shows a message again after six timeouts of its function at the earliest."""
    queues = {component.arn(queue): queue for queue in component.of("AWS::SQS::Queue")}
    functions = {function.name: function for function in component.of("AWS::Lambda::Function")}
    for source in component.of("AWS::Lambda::EventSourceMapping"):
        queue = queues[source.properties["EventSourceArn"]]
        timeout = functions[source.properties["FunctionName"]].properties["Timeout"]
        if queue.properties.get("VisibilityTimeout", 30) < _VISIBILITY_TIMEOUTS * timeout:
            yield str(queue)


@rule
def batches_fail_in_part(component: Component) -> Iterator[str]:
    """A function fed by a queue reports which messages of a batch failed."""
    for source in component.of("AWS::Lambda::EventSourceMapping"):
        if "ReportBatchItemFailures" not in source.properties.get("FunctionResponseTypes", ()):
            yield str(source)


@rule
def messages_are_encrypted(component: Component) -> Iterator[str]:
    """Queues, topics and buses are encrypted with the component's key."""
    for resource in component.of("AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::Events::EventBus"):
        keys = ("KmsMasterKeyId", "KmsKeyIdentifier")
        if not any(resource.properties.get(key) for key in keys):
            yield str(resource)


@rule
def only_tls_is_spoken(component: Component) -> Iterator[str]:
    """Buckets, queues and topics refuse whoever does not come over TLS."""
    policies = component.of("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy")
    refusing = {target for policy in policies if _refuses_plain(policy) for target in _targets(policy)}
    for resource in component.of("AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::SNS::Topic"):
        if not {resource.name, component.arn(resource)} & refusing:
            yield str(resource)


def _let_in(policy: Resource) -> Iterator[tuple[str, str]]:
    """Each queue of a policy, and each rule or bus of EventBridge that may send to it, by their ARNs."""
    for statement in policy.properties["PolicyDocument"]["Statement"]:
        service = statement["Principal"].get("Service") if isinstance(statement["Principal"], dict) else None
        if statement["Effect"] == "Allow" and service == "events.amazonaws.com":
            yield statement["Resource"], statement["Condition"]["ArnEquals"]["aws:SourceArn"]


def _is_dead_letter_queue(queue: Resource) -> bool:
    return queue.name.endswith("-dead")


def _targets(policy: Resource) -> list[str]:
    told = policy.properties
    return [told["Bucket"]] if "Bucket" in told else [*told.get("Queues", ()), *told.get("Topics", ())]


def _refuses_plain(policy: Resource) -> bool:
    return any(
        statement["Effect"] == "Deny"
        and '"aws:SecureTransport": "false"' in json.dumps(statement.get("Condition", {}))
        for statement in policy.properties["PolicyDocument"]["Statement"]
    )
