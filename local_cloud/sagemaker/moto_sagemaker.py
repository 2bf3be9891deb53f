"""What moto's SageMaker lacks: endpoints whose records follow what really runs.

moto keeps the records of models, endpoint configurations and endpoints, and answers the API about them. It
knows no instance type younger than g4dn, calls every endpoint InService at once, and has no UpdateEndpoint.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final, Literal, Protocol

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import FakeEndpointConfig, SageMakerModelBackend, sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse

from hybrid_ocr.contracts.names import LOCAL_ACCOUNT, LOCAL_REGION
from local_cloud.aws.replacing import replaced

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


def install(events: EndpointEvents) -> Callable[[], None]:
    """Better moto's SageMaker in this process; call what is returned to undo it."""
    create, delete = SageMakerModelBackend.create_endpoint, SageMakerModelBackend.delete_endpoint
    resize = SageMakerModelBackend.update_endpoint_weights_and_capacities

    def create_endpoint(self: Any, endpoint_name: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        if endpoint_name in self.endpoints:
            raise ValidationError(f"Cannot create already existing endpoint {endpoint_name!r}.")
        endpoint = create(self, endpoint_name, *args, **kwargs)
        endpoint.endpoint_status = "Creating"
        events.endpoint_created(endpoint_name)
        return endpoint

    def delete_endpoint(self: Any, endpoint_name: str) -> None:  # noqa: ANN401
        delete(self, endpoint_name)
        events.endpoint_deleted(endpoint_name)

    def resize_endpoint(self: Any, endpoint_name: str, desired_weights_and_capacities: Any) -> Any:  # noqa: ANN401
        arn = resize(self, endpoint_name, desired_weights_and_capacities)
        for wanted in desired_weights_and_capacities:
            if wanted.get("DesiredInstanceCount") is not None:
                events.endpoint_resized(endpoint_name, wanted["DesiredInstanceCount"])
        return arn

    def update_endpoint(self: Any) -> Any:  # noqa: ANN401 - a method of moto's response class
        name, config = self._get_param("EndpointName"), self._get_param("EndpointConfigName")
        backend = self.sagemaker_backend
        backend.describe_endpoint(name)
        backend.describe_endpoint_config(config)
        endpoint = backend.endpoints[name]
        endpoint.endpoint_config_name, endpoint.endpoint_status = config, "Updating"
        events.endpoint_updated(name)
        return ActionResult({"EndpointArn": endpoint.arn})

    undo = ExitStack()
    for owner, method, better in (
        (FakeEndpointConfig, "validate_instance_type", _validate_instance_type),
        (SageMakerModelBackend, "create_endpoint", create_endpoint),
        (SageMakerModelBackend, "delete_endpoint", delete_endpoint),
        (SageMakerModelBackend, "update_endpoint_weights_and_capacities", resize_endpoint),
    ):
        undo.enter_context(replaced(owner, method, better))
    SageMakerResponse.update_endpoint = update_endpoint
    undo.callback(delattr, SageMakerResponse, "update_endpoint")
    return undo.close


def _validate_instance_type(_: object, instance_type: str) -> None:
    if not _INSTANCE_TYPE.fullmatch(instance_type):
        raise ValidationError(f"{instance_type!r} at 'instanceType' is no instance type of SageMaker hosting")


def _records() -> Any:  # noqa: ANN401 - moto is untyped
    return sagemaker_backends[LOCAL_ACCOUNT][LOCAL_REGION]
