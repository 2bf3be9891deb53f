"""Buckets and tables: private, encrypted, reached over TLS alone; what they hold expires or says why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs.resource import resource_of, skip_checkov
from infra.deployment import Deployment, camel
from topology.model import Bucket, Table

__all__ = ["Storage"]

_ACCESS_LOG_DAYS: Final = 365
_OLD_VERSION_DAYS: Final = 30
_UPLOAD_DAYS: Final = 1


class Storage(Construct):
    """The buckets of the topology, the one of their access logs, and the tables.

    Every bucket keeps versions, so that what was overwritten or deleted by mistake comes back for some days.
    """

    def __init__(self, scope: Construct, name: str, deployment: Deployment, key: kms.IKey) -> None:
        super().__init__(scope, name)
        self._deployment, self._key = deployment, key
        self.access_logs = self._access_logs()
        self.buckets: Mapping[str, s3.Bucket] = {
            bucket: self._bucket(bucket, told) for bucket, told in deployment.topology.buckets.items()
        }
        for table, told in deployment.topology.tables.items():
            self._table(table, told)

    def _access_logs(self) -> s3.Bucket:
        # S3 delivers access logs only into a bucket with keys of its own (SSE-S3).
        bucket = s3.Bucket(
            self,
            "AccessLogs",
            bucket_name=self._deployment.names.bucket("access-logs"),
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            lifecycle_rules=[_lifecycle(_ACCESS_LOG_DAYS)],
            removal_policy=self._deployment.removal,
        )
        skip_checkov(
            bucket, "CKV_AWS_18", "A bucket of access logs that logs its own access would never rest."
        )
        return bucket

    def _bucket(self, name: str, told: Bucket) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            camel(name),
            bucket_name=self._deployment.names.bucket(name),
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self._key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            server_access_logs_bucket=self.access_logs,
            server_access_logs_prefix=f"{name}/",
            lifecycle_rules=[_lifecycle(told.expire_days)],
            removal_policy=self._deployment.removal,
        )
        resource = resource_of(bucket)
        if told.keep is not None:
            resource.add_metadata("Keep", told.keep)
        if told.event_prefix is not None:
            # The CDK's own switch for this deploys a function that writes the setting.
            resource.add_property_override(
                "NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", True
            )
        return bucket

    def _table(self, name: str, told: Table) -> None:
        """A table with one replica, here; the newer of the two types of resource."""
        schema = dynamodb.CfnGlobalTable.KeySchemaProperty
        attribute = dynamodb.CfnGlobalTable.AttributeDefinitionProperty
        table = dynamodb.CfnGlobalTable(
            self,
            camel(name),
            table_name=self._deployment.names.table(name),
            billing_mode="PAY_PER_REQUEST",
            key_schema=[schema(attribute_name=told.key, key_type="HASH")],
            attribute_definitions=[
                attribute(attribute_name=name, attribute_type=kind) for name, kind in told.attributes.items()
            ],
            global_secondary_indexes=[
                dynamodb.CfnGlobalTable.GlobalSecondaryIndexProperty(
                    index_name=index.name,
                    key_schema=[
                        schema(attribute_name=index.key, key_type="HASH"),
                        schema(attribute_name=index.sort, key_type="RANGE"),
                    ],
                    projection=dynamodb.CfnGlobalTable.ProjectionProperty(projection_type="ALL"),
                )
                for index in told.indexes
            ],
            time_to_live_specification=dynamodb.CfnGlobalTable.TimeToLiveSpecificationProperty(
                enabled=True, attribute_name=told.ttl
            ),
            sse_specification=dynamodb.CfnGlobalTable.SSESpecificationProperty(
                sse_enabled=True, sse_type="KMS"
            ),
            replicas=[
                dynamodb.CfnGlobalTable.ReplicaSpecificationProperty(
                    region=self._deployment.names.region,
                    # Protection from deletion would also keep CloudFormation from removing the table of a
                    # stack that it could not make; what is to be kept is kept by the removal policy.
                    sse_specification=dynamodb.CfnGlobalTable.ReplicaSSESpecificationProperty(
                        kms_master_key_id=self._key.key_arn
                    ),
                    point_in_time_recovery_specification=dynamodb.CfnGlobalTable.PointInTimeRecoverySpecificationProperty(
                        point_in_time_recovery_enabled=True
                    ),
                )
            ],
        )
        table.apply_removal_policy(self._deployment.removal)


def _lifecycle(expire_days: int | None) -> s3.LifecycleRule:
    return s3.LifecycleRule(
        id="expire",
        expiration=None if expire_days is None else Duration.days(expire_days),
        noncurrent_version_expiration=Duration.days(_OLD_VERSION_DAYS),
        abort_incomplete_multipart_upload_after=Duration.days(_UPLOAD_DAYS),
    )
