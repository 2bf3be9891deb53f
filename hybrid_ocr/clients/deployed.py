"""Which endpoints a deployment has."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from hybrid_ocr.clients import Connection
from hybrid_ocr.contracts.jobs import EndpointMode, EndpointStage
from hybrid_ocr.contracts.stages import ENDPOINTS

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

__all__ = ["deployed_endpoints"]


def deployed_endpoints(connection: Connection) -> list[tuple[EndpointStage, EndpointMode]]:
    """Every endpoint that the names of a deployment lead to, stage by stage, asynchronous before real-time.

    Raises:
        OcrError: SageMaker cannot be asked.
    """
    names = connection.names
    sagemaker: SageMakerClient = connection.client("sagemaker")
    with connection.translated():
        pages = sagemaker.get_paginator("list_endpoints").paginate(NameContains=names.prefix)
        found = {endpoint["EndpointName"] for page in pages for endpoint in page["Endpoints"]}
    stages: tuple[EndpointStage, ...] = ENDPOINTS
    modes: tuple[EndpointMode, ...] = get_args(EndpointMode)
    return [(stage, mode) for stage in stages for mode in modes if names.endpoint(stage, mode) in found]
