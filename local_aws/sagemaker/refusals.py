"""What the local AWS does not do of what SageMaker's API takes: refused by name, where it is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from moto.sagemaker.exceptions import ValidationError

from local_aws.unserved import REFUSED

_DONE_ANYWAY: Final[Mapping[str, Any]] = {
    "Mode": "SingleModel",
    "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
}
_FREE: Final = frozenset({"Environment", "Tags"})
"""What has members of the user's own."""


def refuse_unserved(parameters: Mapping[str, Any]) -> None:
    """Refuse a call that asks for what would never happen.

    Args:
        parameters: of a model, an endpoint configuration or an endpoint, as JSON has them.

    Raises:
        ValidationError: moto's, that names it.
    """
    for name in ("ProductionVariants", "Containers"):
        if len(parameters.get(name) or "1") != 1:
            raise ValidationError(f"The local AWS serves one of {name}, and no more.")
    for container in (parameters.get("PrimaryContainer"), *(parameters.get("Containers") or ())):
        if container and not container.get("Image"):
            raise ValidationError("The local AWS serves no container without an Image.")
        source = ((container or {}).get("ModelDataSource") or {}).get("S3DataSource") or {}
        if source.get("S3DataType") == "S3Prefix":
            raise ValidationError("The local AWS serves model data as a model.tar.gz alone, no S3Prefix.")
    for variant in parameters.get("ProductionVariants") or ():
        if "ModelName" not in variant:
            raise ValidationError("The local AWS serves no variant without ModelName: inference components.")
    if asynchronous := parameters.get("AsyncInferenceConfig"):
        paths = {"S3OutputPath": "", **asynchronous["OutputConfig"]}
        for name in ("S3OutputPath", "S3FailurePath"):
            if not paths.get(name, "s3://").startswith("s3://"):
                raise ValidationError(f"The local AWS serves {name} in the form s3://bucket/prefix alone.")
    _refuse_names(parameters)


def _refuse_names(value: Any) -> None:
    for part in value if isinstance(value, list) else ():
        _refuse_names(part)
    for name, part in value.items() if isinstance(value, dict) else ():
        off = name == "DataCaptureConfig" and part and part.get("EnableCapture") is False
        if name in REFUSED["parameters"]["sagemaker"] and part and part != _DONE_ANYWAY.get(name) and not off:
            raise ValidationError(f"The local AWS does not serve {name}.")
        if name not in _FREE:
            _refuse_names(part)
