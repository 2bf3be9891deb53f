"""Queues with their dead-letter queues, topics with their subscriptions, and the event bus: all encrypted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.alarms import dead_letter_queues
from infra.deployment import Deployment, camel

__all__ = ["DeadLetters", "Messaging"]

_KEPT_DAYS: Final = 14
"""The longest that SQS keeps a message: time enough to look at what failed."""


class DeadLetters(Construct):
    """The queues of what was given up: one beside each queue, one for functions, one for alarm e-mails."""

    def __init__(self, scope: Construct, name: str, deployment: Deployment, key: kms.IKey) -> None:
        super().__init__(scope, name)
        self.queues: Mapping[str, sqs.Queue] = {
            queue: sqs.Queue(
                self,
                camel(queue),
                queue_name=deployment.names.dead_letter_queue(queue),
                encryption=sqs.QueueEncryption.KMS,
                encryption_master_key=key,
                enforce_ssl=True,
                retention_period=Duration.days(_KEPT_DAYS),
            )
            for queue in dead_letter_queues(deployment.topology)
        }


class Messaging(Construct):
    """Queues, topics and buses of the topology, and the topic of the alarms."""

    def __init__(
        self, scope: Construct, name: str, deployment: Deployment, key: kms.IKey, dead: DeadLetters
    ) -> None:
        super().__init__(scope, name)
        self._deployment, self._key, self._dead = deployment, key, dead
        queues = {queue: self._queue(queue) for queue in deployment.topology.queues}
        for topic, told in deployment.topology.topics.items():
            subscription = subscriptions.SqsSubscription(
                queues[told.queue], dead_letter_queue=dead.queues[told.queue]
            )
            self._topic(topic).add_subscription(subscription)
        alarms = self._topic("alarms")
        _allow(alarms, "cloudwatch", deployment)
        for email in deployment.settings.stage.alarms.emails:
            alarms.add_subscription(
                subscriptions.EmailSubscription(email, dead_letter_queue=dead.queues["alarms"])
            )
        for bus in sorted({rule.bus for rule in deployment.topology.rules.values()} - {"default"}):
            self._bus(bus, dead.queues["jobs"])
        self._let_rules_send(queues)

    def _queue(self, name: str) -> sqs.Queue:
        told = self._deployment.topology.queues[name]
        return sqs.Queue(
            self,
            camel(name),
            queue_name=self._deployment.names.queue(name),
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=self._key,
            enforce_ssl=True,
            visibility_timeout=Duration.seconds(told.visibility_seconds),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self._dead.queues[name], max_receive_count=told.max_receives
            ),
        )

    def _topic(self, name: str) -> sns.Topic:
        return sns.Topic(
            self,
            camel(name, "topic"),
            topic_name=self._deployment.names.topic(name),
            master_key=self._key,
            enforce_ssl=True,
        )

    def _bus(self, name: str, dead: sqs.Queue) -> None:
        """An event bus; what it cannot deliver, for it cannot use its key, it sends to `dead`."""
        names = self._deployment.names
        events.CfnEventBus(
            self,
            camel(name, "bus"),
            name=names.bus(name),
            description="DocumentSubmitted comes in here; the outcome of each document goes out",
            kms_key_identifier=self._key.key_arn,
            dead_letter_config=events.CfnEventBus.DeadLetterConfigProperty(arn=dead.queue_arn),
        )
        _let_send(dead, camel("bus", name), names.arn("events", f"event-bus/{names.bus(name)}"))

    def _let_rules_send(self, queues: Mapping[str, sqs.Queue]) -> None:
        names = self._deployment.names
        for name, rule in self._deployment.topology.rules.items():
            bus = "" if rule.bus == "default" else f"{names.bus(rule.bus)}/"
            arn = names.arn("events", f"rule/{bus}{names.rule(name)}")
            reached = [self._dead.queues[rule.dead_letter_queue]]
            reached += [queues[rule.target_queue]] if rule.target_queue else []
            for queue in reached:
                _let_send(queue, camel("rule", name), arn)


def _let_send(queue: sqs.Queue, sid: str, source_arn: str) -> None:
    """Let a rule or a bus of EventBridge send to a queue."""
    queue.add_to_resource_policy(
        iam.PolicyStatement(
            sid=sid,
            principals=[iam.ServicePrincipal("events.amazonaws.com")],
            actions=["sqs:SendMessage"],
            resources=[queue.queue_arn],
            conditions={"ArnEquals": {"aws:SourceArn": source_arn}},
        )
    )


def _allow(topic: sns.Topic, service: str, deployment: Deployment) -> None:
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            sid=camel(service),
            principals=[iam.ServicePrincipal(f"{service}.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            conditions={"StringEquals": {"aws:SourceAccount": deployment.names.account}},
        )
    )
