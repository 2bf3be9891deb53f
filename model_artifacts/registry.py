"""Model artefacts as versions in SageMaker's Model Registry, where a team approves them.

Written for the `sagemaker` SDK 3.x, of whose packages the smallest is enough: `sagemaker-core`.
https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-version.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.exceptions import ClientError

from hybrid_ocr.clients import Connection
from hybrid_ocr.contracts.codec import JSON, MSGPACK
from hybrid_ocr.contracts.errors import ConfigurationError
from hybrid_ocr.contracts.messages import ModelIdentity

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

__all__ = ["Registered", "Registry"]

_MISSING: Final = (
    "the Model Registry needs the sagemaker SDK, which is not installed: pip install 'hybrid-ocr[registry]'"
)
_CONTENT_TYPES: Final = (MSGPACK, JSON, "image/jpeg", "image/png", "image/tiff", "image/webp")


@dataclass(frozen=True)
class Registered:
    """A version in the registry; `fresh` is False where it was there already."""

    arn: str
    fresh: bool


class Registry:
    """The Model Registry of a deployment's account.

    Raises:
        ConfigurationError: the SDK is not installed.
    """

    def __init__(self, connection: Connection) -> None:
        try:
            from sagemaker.core import model_registry  # pandas and scipy come with it
            from sagemaker.core.helper.session_helper import Session
        except ImportError:
            raise ConfigurationError(_MISSING) from None
        self._registry: Any = model_registry
        self._connection = connection
        self._sagemaker: SageMakerClient = connection.client("sagemaker")
        with connection.translated():
            self._session: Any = Session(_in_region(connection), sagemaker_client=self._sagemaker)

    def register(self, model: ModelIdentity, *, artifact_uri: str, image: str) -> Registered:
        """A version of an artefact, to be approved by a person; the same artefact is registered once.

        Args:
            model: the artefact.
            artifact_uri: where it lies in S3.
            image: of the container that serves it, in ECR.
        """
        group = f"{self._connection.names.prefix}-{model.name.replace('.', '-')}"
        description = f"{model.name} {model.version}, sha256 {model.sha256}"
        with self._connection.translated():
            for version, known in self._versions(group).items():
                if known == description:
                    return Registered(version, fresh=False)
            made = self._registry.create_model_package_from_containers(
                self._session,
                model_package_group_name=group,
                containers=[{"Image": image, "ModelDataUrl": artifact_uri}],
                content_types=list(_CONTENT_TYPES),
                response_types=[MSGPACK, JSON],
                approval_status="PendingManualApproval",
                description=description,
                customer_metadata_properties={"version": model.version, "sha256": model.sha256},
            )
        return Registered(str(made["ModelPackageArn"]), fresh=True)

    def _versions(self, group: str) -> dict[str, str]:
        """The ARN of each version of a group with its description; none of a group that is not there."""
        pages = self._sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
        try:
            return {
                summary["ModelPackageArn"]: summary.get("ModelPackageDescription", "")
                for page in pages
                for summary in page["ModelPackageSummaryList"]
            }
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationException":
                raise
            return {}


def _in_region(connection: Connection) -> boto3.Session:
    """The session of a connection in its region: the SDK takes a session's own, which may be none."""
    found = connection.session.get_credentials()
    login = found.get_frozen_credentials() if found else None
    return boto3.Session(
        aws_access_key_id=login.access_key if login else None,
        aws_secret_access_key=login.secret_key if login else None,
        aws_session_token=login.token if login else None,
        region_name=connection.names.region,
    )
