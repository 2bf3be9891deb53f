"""Whether a bucket is there."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError


def bucket_exists(s3: Any, name: str) -> bool:  # noqa: ANN401 - boto3 makes its classes at run time
    """Whether there is a bucket of this name that these credentials may see.

    Raises:
        botocore.exceptions.ClientError: it cannot be known, such as for want of a permission.
    """
    try:
        s3.head_bucket(Bucket=name)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"404", "NoSuchBucket"}:
            return False
        raise
    return True
