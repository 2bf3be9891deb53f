"""Rules of what is kept: for how long, and who could see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from infra.rules.component import Component
from infra.rules.registry import rule

_BLOCKS: Final = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


@rule
def buckets_expire_or_say_why(component: Component) -> Iterator[str]:
    """What a bucket holds expires, or its metadata says why it does not."""
    for bucket in component.of("AWS::S3::Bucket"):
        rules = bucket.properties.get("LifecycleConfiguration", {}).get("Rules", ())
        expires = any(told.get("ExpirationInDays") and told["Status"] == "Enabled" for told in rules)
        if not expires and not bucket.metadata.get("Keep"):
            yield str(bucket)


@rule
def buckets_are_private(component: Component) -> Iterator[str]:
    """Every bucket blocks public access in all four ways."""
    for bucket in component.of("AWS::S3::Bucket"):
        told = bucket.properties.get("PublicAccessBlockConfiguration", {})
        if not all(told.get(block) for block in _BLOCKS):
            yield str(bucket)


@rule
def access_is_logged(component: Component) -> Iterator[str]:
    """Every bucket logs who reads it, but the one that holds those logs."""
    logged = {
        str(bucket): bucket.properties.get("LoggingConfiguration", {}).get("DestinationBucketName")
        for bucket in component.of("AWS::S3::Bucket")
    }
    for bucket in component.of("AWS::S3::Bucket"):
        if logged[str(bucket)] is None and bucket.name not in logged.values():
            yield str(bucket)


@rule
def logs_expire_and_are_encrypted(component: Component) -> Iterator[str]:
    """Every log group has a retention and the component's key."""
    for group in component.of("AWS::Logs::LogGroup"):
        if not group.properties.get("RetentionInDays") or not group.properties.get("KmsKeyId"):
            yield str(group)


@rule
def tables_can_be_restored(component: Component) -> Iterator[str]:
    """Every table is encrypted with the component's key and can be restored to any second."""
    for table in component.of("AWS::DynamoDB::GlobalTable"):
        for replica in table.properties["Replicas"]:
            recovery = replica.get("PointInTimeRecoverySpecification", {})
            key = replica.get("SSESpecification", {}).get("KMSMasterKeyId")
            if not key or not recovery.get("PointInTimeRecoveryEnabled"):
                yield str(table)


@rule
def the_key_is_renewed(component: Component) -> Iterator[str]:
    """Every key is renewed each year."""
    return (str(key) for key in component.of("AWS::KMS::Key") if not key.properties.get("EnableKeyRotation"))
