"""Everything the topology names, made in the local AWS by ordinary API calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hybrid_ocr.contracts.names import Names
from topology import Topology
from topology.model import FUNCTIONS, Bucket, Queue, Rule, Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient


def create(
    client: Callable[[str], Any], topology: Topology, names: Names, definitions: Mapping[str, str]
) -> None:
    """Make every resource of the topology but its endpoints, which want a bundle.

    Args:
        client: gives boto3 clients.
        definitions: the States Language text of each state machine, by its name in the topology.
    """
    for name, bucket in topology.buckets.items():
        _create_bucket(client("s3"), names.bucket(name), bucket)
    for name in topology.dead_letter_queues:
        client("sqs").create_queue(
            QueueName=names.dead_letter_queue(name), Attributes={"MessageRetentionPeriod": str(14 * 86_400)}
        )
    for name, queue in topology.queues.items():
        _create_queue(client("sqs"), names, name, queue)
    for name, topic in topology.topics.items():
        _create_topic(client("sns"), names, name, topic.queue)
    for name, table in topology.tables.items():
        create_table(client("dynamodb"), names.table(name), table)
    for name in topology.functions:
        role = _create_role(client("iam"), names.function(name), "lambda")
        _create_function(client("lambda"), topology, names, name, role)
    for name, machine in topology.state_machines.items():
        client("stepfunctions").create_state_machine(
            name=names.state_machine(name),
            definition=definitions[name],
            roleArn=_create_role(client("iam"), f"{names.state_machine(name)}-flow", "states"),
            loggingConfiguration={"level": machine.log_level, "includeExecutionData": False},
        )
    for bus in {rule.bus for rule in topology.rules.values()} - {"default"}:
        client("events").create_event_bus(Name=names.bus(bus))
    for name, rule in topology.rules.items():
        _create_rule(client("events"), names, name, rule)


def _create_bucket(s3: S3Client, bucket: str, declared: Bucket) -> None:
    s3.create_bucket(Bucket=bucket)
    if declared.versioned:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    if declared.event_prefix is not None:
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
    if declared.expire_days is not None:
        expiry: Any = {
            "ID": "expire",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "Expiration": {"Days": declared.expire_days},
        }
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [expiry]})


def _create_queue(sqs: SQSClient, names: Names, name: str, declared: Queue) -> None:
    dead = names.dead_letter_queue(name)
    redrive = {"deadLetterTargetArn": names.arn("sqs", dead), "maxReceiveCount": declared.max_receives}
    sqs.create_queue(
        QueueName=names.queue(name),
        Attributes={
            "VisibilityTimeout": str(declared.visibility_seconds),
            "RedrivePolicy": json.dumps(redrive),
        },
    )


def _create_topic(sns: SNSClient, names: Names, name: str, queue: str) -> None:
    topic = sns.create_topic(Name=names.topic(name))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=names.arn("sqs", names.queue(queue)))


def create_table(dynamodb: DynamoDBClient, table: str, declared: Table) -> None:
    """Make a table of the topology under a name."""
    dynamodb.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": kind} for name, kind in declared.attributes.items()
        ],
        KeySchema=[{"AttributeName": declared.key, "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index.name,
                "KeySchema": [
                    {"AttributeName": index.key, "KeyType": "HASH"},
                    {"AttributeName": index.sort, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
            for index in declared.indexes
        ],
    )
    dynamodb.update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": declared.ttl}
    )


def _create_function(functions: LambdaClient, topology: Topology, names: Names, name: str, role: str) -> None:
    physical, declared = names.function(name), topology.functions[name]
    functions.create_function(
        FunctionName=physical,
        Runtime="python3.11",
        Role=role,
        Handler=declared.handler,
        Code={"ZipFile": b"what runs is this checkout"},
        Timeout=declared.timeout_seconds,
        MemorySize=declared.memory_mb,
        Environment={"Variables": topology.environment(name, names)},
        DeadLetterConfig={"TargetArn": names.arn("sqs", names.dead_letter_queue(FUNCTIONS))},
    )
    functions.put_function_concurrency(
        FunctionName=physical, ReservedConcurrentExecutions=declared.concurrency
    )
    if declared.queue is not None:
        functions.create_event_source_mapping(
            FunctionName=physical,
            EventSourceArn=names.arn("sqs", names.queue(declared.queue)),
            BatchSize=declared.batch_size,
            FunctionResponseTypes=["ReportBatchItemFailures"],
        )


def _create_rule(events: EventBridgeClient, names: Names, name: str, declared: Rule) -> None:
    rule, bus = names.rule(name), names.bus(declared.bus)
    if declared.pattern is not None:
        events.put_rule(Name=rule, EventBusName=bus, EventPattern=json.dumps(declared.event_pattern(names)))
    elif declared.schedule is not None:
        events.put_rule(Name=rule, EventBusName=bus, ScheduleExpression=declared.schedule)
    dead = names.arn("sqs", names.dead_letter_queue(declared.dead_letter_queue))
    target: Any = {"Id": "target", "Arn": declared.target_arn(names), "DeadLetterConfig": {"Arn": dead}}
    events.put_targets(Rule=rule, EventBusName=bus, Targets=[target])


def _create_role(iam: Any, name: str, service: str) -> str:  # noqa: ANN401 - its stubs are not installed
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": f"{service}.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    return str(role["Arn"])
