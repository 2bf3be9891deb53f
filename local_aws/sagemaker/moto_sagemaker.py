"""The records of SageMaker, which moto keeps and answers for: they follow what really runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, Protocol

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import SageMakerModelBackend, sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse

from local_aws.account import ACCOUNT, REGION
from local_aws.seams import Seams

SEAMS: Final = Seams()
EndpointStatus = Literal["Creating", "Updating", "InService", "Failed"]

_INSTANCE_TYPE: Final = re.compile(
    r"ml\.[a-z][a-z0-9-]*\.(nano|micro|small|medium|metal|[0-9]*x?large)(-[0-9]+gb)?"
)


class EndpointEvents(Protocol):
    """Is told of changes to the records, after they were made; answers at once."""

    def endpoint_created(self, name: str) -> None:
        """CreateEndpoint."""

    def endpoint_updated(self, name: str) -> None:
        """UpdateEndpoint: it has another configuration now."""

    def endpoint_resized(self, name: str, instances: int) -> None:
        """UpdateEndpointWeightsAndCapacities."""

    def endpoint_deleted(self, name: str) -> None:
        """DeleteEndpoint."""


def set_status(name: str, status: EndpointStatus, reason: str | None = None) -> None:
    """Write what DescribeEndpoint answers; nothing where the endpoint is gone."""
    if endpoint := _records().endpoints.get(name):
        endpoint.endpoint_status, endpoint.failure_reason = status, reason
        endpoint.last_modified_time = utcnow()


def set_instances(name: str, *, current: int, desired: int) -> None:
    """Write the instance counts that DescribeEndpoint answers; nothing where the endpoint is gone."""
    if endpoint := _records().endpoints.get(name):
        for variant in endpoint.production_variants:
            variant["CurrentInstanceCount"], variant["DesiredInstanceCount"] = current, desired


@SEAMS.replaces("moto.sagemaker.models:FakeEndpointConfig.validate_instance_type")
def _validate_instance_type(
    _events: EndpointEvents, _original: object, _: object, instance_type: str
) -> None:
    if not _INSTANCE_TYPE.fullmatch(instance_type):
        raise ValidationError(f"{instance_type!r} at 'instanceType' is no instance type of SageMaker hosting")


@SEAMS.replaces("moto.sagemaker.models:SageMakerModelBackend.create_endpoint")
def _create_endpoint(
    events: EndpointEvents,
    original: Callable[..., Any],
    backend: SageMakerModelBackend,
    endpoint_name: str,
    *told: Any,
    **named: Any,
) -> Any:
    if endpoint_name in backend.endpoints:
        raise ValidationError(f"Cannot create already existing endpoint {endpoint_name!r}.")
    endpoint = original(backend, endpoint_name, *told, **named)
    endpoint.endpoint_status = "Creating"
    events.endpoint_created(endpoint_name)
    return endpoint


@SEAMS.replaces("moto.sagemaker.models:SageMakerModelBackend.delete_endpoint")
def _delete_endpoint(
    events: EndpointEvents, original: Callable[..., None], backend: SageMakerModelBackend, endpoint_name: str
) -> None:
    original(backend, endpoint_name)
    events.endpoint_deleted(endpoint_name)


@SEAMS.replaces("moto.sagemaker.models:SageMakerModelBackend.update_endpoint_weights_and_capacities")
def _resize_endpoint(
    events: EndpointEvents,
    original: Callable[..., Any],
    backend: SageMakerModelBackend,
    endpoint_name: str,
    desired_weights_and_capacities: Sequence[Mapping[str, Any]],
) -> Any:
    arn = original(backend, endpoint_name, desired_weights_and_capacities)
    for wanted in desired_weights_and_capacities:
        if wanted.get("DesiredInstanceCount") is not None:
            events.endpoint_resized(endpoint_name, wanted["DesiredInstanceCount"])
    return arn


@SEAMS.replaces("moto.sagemaker.responses:SageMakerResponse.update_endpoint")
def _update_endpoint(events: EndpointEvents, _original: None, call: SageMakerResponse) -> ActionResult:
    name, config = call._get_param("EndpointName"), call._get_param("EndpointConfigName")
    backend = call.sagemaker_backend
    backend.describe_endpoint(name)
    backend.describe_endpoint_config(config)
    endpoint = backend.endpoints[name]
    endpoint.endpoint_config_name, endpoint.endpoint_status = config, "Updating"
    events.endpoint_updated(name)
    return ActionResult({"EndpointArn": endpoint.arn})


def _records() -> Any:
    return sagemaker_backends[ACCOUNT][REGION]
