"""The records of SageMaker, which moto keeps and answers for: they follow what really runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from moto.core.responses import ActionResult
from moto.core.utils import get_service_model, utcnow
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse

from local_aws.account import ACCOUNT, REGION
from local_aws.sagemaker.refusals import refuse_unserved
from local_aws.seams import Seams

if TYPE_CHECKING:
    from local_aws.sagemaker.runtime import SageMakerRuntime

Original = Callable[[SageMakerResponse], ActionResult]

SEAMS: Final = Seams()
_RESPONSE: Final = "moto.sagemaker.responses:SageMakerResponse"


def begin_change(name: str, status: Literal["Creating", "Updating"], config: str | None = None) -> None:
    """An endpoint is being created, resized, or given another configuration."""
    if endpoint := _records().endpoints.get(name):
        endpoint.endpoint_status, endpoint.failure_reason = status, None
        endpoint.last_modified_time = now = utcnow()
        if config:
            variants = _variants(config)
            pending = {"EndpointConfigName": config, "ProductionVariants": variants, "StartTime": now}
            endpoint.pending_deployment_summary = pending


def end_change(
    name: str,
    status: Literal["InService", "Failed"] = "InService",
    reason: str | None = None,
    *,
    config: str | None = None,
) -> None:
    """What was changing has ended so; with another configuration where one is given."""
    if endpoint := _records().endpoints.get(name):
        endpoint.endpoint_status, endpoint.failure_reason = status, reason
        endpoint.pending_deployment_summary, endpoint.last_modified_time = None, utcnow()
        if config:
            _configure(endpoint, config)


def set_instances(name: str, *, current: int, desired: int) -> None:
    """Write the instance counts that DescribeEndpoint answers; one that was resized is in service by them."""
    if endpoint := _records().endpoints.get(name):
        for variant in endpoint.production_variants:
            variant["CurrentInstanceCount"], variant["DesiredInstanceCount"] = current, desired
        resized = endpoint.endpoint_status == "Updating" and endpoint.pending_deployment_summary is None
        if resized and current == desired:
            end_change(name)


@SEAMS.replaces(f"{_RESPONSE}.serialized")
def _serialized(
    _: object, original: Callable[..., Any], call: SageMakerResponse, result: ActionResult
) -> Any:
    if call._get_action().startswith("Describe"):
        result._result = _without_empty(result.result)
    return original(call, result)


@SEAMS.replaces("moto.sagemaker.models:FakeEndpointConfig.validate_instance_type")
def _validate_instance_type(_: object, _original: object, _config: object, instance_type: str) -> None:
    if instance_type not in get_service_model("sagemaker").shape_for("ProductionVariantInstanceType").enum:
        raise ValidationError(f"{instance_type!r} at 'instanceType' is no instance type of SageMaker hosting")


@SEAMS.replaces(f"{_RESPONSE}.create_model")
def _create_model(_: object, original: Original, call: SageMakerResponse) -> ActionResult:
    models = call.sagemaker_backend._models
    result = _create("Model", models, original, call)
    isolated = bool(call._get_param("EnableNetworkIsolation"))
    models[call._get_param("ModelName")].enable_network_isolation = isolated
    return result


@SEAMS.replaces(f"{_RESPONSE}.create_endpoint_config")
def _create_endpoint_config(_: object, original: Original, call: SageMakerResponse) -> ActionResult:
    return _create("EndpointConfig", call.sagemaker_backend.endpoint_configs, original, call)


@SEAMS.replaces(f"{_RESPONSE}.create_endpoint")
def _create_endpoint(runtime: SageMakerRuntime, original: Original, call: SageMakerResponse) -> ActionResult:
    endpoints = call.sagemaker_backend.endpoints
    result = _create("Endpoint", endpoints, original, call)
    name, config = call._get_param("EndpointName"), call._get_param("EndpointConfigName")
    _configure(endpoints[name], config)
    begin_change(name, "Creating", config)
    runtime.deploy(name)
    return result


def _create(kind: str, known: Mapping[str, Any], original: Original, call: SageMakerResponse) -> ActionResult:
    refuse_unserved(call.params)
    if existing := known.get(call._get_param(f"{kind}Name")):
        what = {"EndpointConfig": "endpoint configuration"}.get(kind, kind.lower())  # SDKs read these words
        raise ValidationError(f'Cannot create already existing {what} "{existing.physical_resource_id}".')
    return original(call)


@SEAMS.replaces(f"{_RESPONSE}.delete_endpoint")
def _delete_endpoint(runtime: SageMakerRuntime, original: Original, call: SageMakerResponse) -> ActionResult:
    result = original(call)
    runtime.delete_endpoint(call._get_param("EndpointName"))
    return result


@SEAMS.replaces(f"{_RESPONSE}.update_endpoint_weights_and_capacities")
def _resize_endpoint(runtime: SageMakerRuntime, original: Original, call: SageMakerResponse) -> ActionResult:
    refuse_unserved(call.params)
    endpoint = _in_service(call)
    before = [dict(variant) for variant in endpoint.production_variants]
    result = original(call)  # checks the names of variants, and writes None where nothing is wanted
    endpoint.production_variants = before
    for variant, wanted in zip(before, call._get_param("DesiredWeightsAndCapacities"), strict=False):
        if wanted.get("DesiredWeight") is not None:
            variant["CurrentWeight"] = variant["DesiredWeight"] = wanted["DesiredWeight"]
        if wanted.get("DesiredInstanceCount") is not None:
            begin_change(endpoint.endpoint_name, "Updating")
            runtime.set_instance_count(endpoint.endpoint_name, wanted["DesiredInstanceCount"])
    return result


@SEAMS.replaces(f"{_RESPONSE}.update_endpoint")
def _update_endpoint(runtime: SageMakerRuntime, _original: None, call: SageMakerResponse) -> ActionResult:
    refuse_unserved(call.params)
    endpoint, config = _in_service(call), call._get_param("EndpointConfigName")
    call.sagemaker_backend.describe_endpoint_config(config)
    begin_change(endpoint.endpoint_name, "Updating", config)
    runtime.deploy(endpoint.endpoint_name, config)
    return ActionResult({"EndpointArn": endpoint.arn})


def _records() -> Any:
    return sagemaker_backends[ACCOUNT][REGION]


def _in_service(call: SageMakerResponse) -> Any:
    """The endpoint that a call would change; raises ValidationError where that cannot be."""
    name = call._get_param("EndpointName")
    call.sagemaker_backend.describe_endpoint(name)
    endpoint = call.sagemaker_backend.endpoints[name]
    if endpoint.endpoint_status != "InService":
        state = "failed" if endpoint.endpoint_status == "Failed" else "in-progress"
        raise ValidationError(f'Cannot update {state} endpoint "{endpoint.arn}".')
    return endpoint


def _configure(endpoint: Any, config_name: str) -> None:
    """Give an endpoint what a configuration has; moto answers whatever attributes there are."""
    endpoint.endpoint_config_name = config_name
    endpoint.production_variants = _variants(config_name)
    endpoint.async_inference_config = _records().endpoint_configs[config_name].async_inference_config


def _variants(config_name: str) -> list[dict[str, Any]]:
    """The variants of a configuration as an endpoint has them, before any instance is there."""
    return [
        {
            "VariantName": variant["VariantName"],
            "DeployedImages": [
                {"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": utcnow()}
                for model in [_records()._models[variant["ModelName"]]]
                for image in [(model.containers or [model.primary_container])[0]["Image"]]
            ],
            "CurrentWeight": variant.get("InitialVariantWeight", 1.0),
            "DesiredWeight": variant.get("InitialVariantWeight", 1.0),
            "CurrentInstanceCount": 0,
            "DesiredInstanceCount": variant.get("InitialInstanceCount", 0),
        }
        for variant in _records().endpoint_configs[config_name].production_variants
    ]


def _without_empty(value: Any) -> Any:
    """The same without members that are None, or an empty object or list."""
    if isinstance(value, list):
        return [_without_empty(part) for part in value]
    if not isinstance(value, dict):
        return value
    kept = {name: _without_empty(part) for name, part in value.items()}
    return {name: part for name, part in kept.items() if part not in (None, {}, [])}
