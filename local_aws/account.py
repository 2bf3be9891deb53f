"""The one account and region that a local AWS has, and what clients show it."""

from __future__ import annotations

from typing import Final

ACCOUNT: Final = "123456789012"
REGION: Final = "us-east-1"

CREDENTIALS: Final = {
    "aws_access_key_id": "local",
    "aws_secret_access_key": "local",
    "region_name": REGION,
}
"""What boto3 takes; some credentials are asked for and none are checked."""


def arn(service: str, resource: str) -> str:
    """The ARN of a resource: `arn("lambda", "function:NAME")`."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"
