"""Starts a local AWS and whatever component runs on it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import werkzeug
from botocore.exceptions import BotoCoreError, ClientError
from werkzeug import Response

from local_aws import cloudwatch, functions, states
from local_aws.cloudwatch.service_metrics import ServiceMetrics
from local_aws.component import Component, Request
from local_aws.containers import Container, ContainerProcess
from local_aws.errors import ConfigurationError
from local_aws.front_page import render
from local_aws.functions import FunctionPool, records
from local_aws.messaging.deliveries import delivering
from local_aws.messaging.faults import FaultPlan
from local_aws.messaging.targets import send_message
from local_aws.moto_server import session
from local_aws.repeating import repeating
from local_aws.sagemaker import Hosting, RuntimeLimits, SageMakerRuntime
from local_aws.sagemaker.description import Model
from local_aws.server import AwsServer, json_response

Launch = Callable[[Container, Path], ContainerProcess]
_SERVICE_SECONDS: Final = 600.0
_SERVICE_METRICS_SECONDS: Final = 5.0
"""How soon an execution or a queue is seen; AWS takes a minute."""


@dataclass(frozen=True)
class Settings:
    """How a local AWS differs from its defaults.

    Args:
        port: where it answers; 0 is any free port.
        log_dir: gets the logs of functions and containers; a temporary folder unless given.
        faults: what happens to messages on their way.
        limits: of SageMaker's runtime.
        retry_scale: what the pauses of a state's Retry are multiplied with.
        redelivery_seconds: after how long a queue message comes back that a function failed on.
        patience_seconds: how long a call waits for an instance of a function where all are busy.
        metrics: keep those of functions, endpoints and services, and evaluate alarms.
        launch: starts a container, given the file its log goes to.
    """

    port: int = 0
    log_dir: Path | None = None
    faults: FaultPlan | None = None
    limits: RuntimeLimits = field(default_factory=RuntimeLimits)
    retry_scale: float = 1.0
    redelivery_seconds: int = 2
    patience_seconds: float = 10.0
    metrics: bool = True
    launch: Launch = ContainerProcess


class LocalAws:
    """AWS on the loopback interface, running a component; a context manager. A process has one at a time.

    Raises:
        ConfigurationError: on entry; the port is taken, this process has a local AWS already, or a request of
            the component is refused.
        StartError: on entry; an endpoint that a request made could not start.
    """

    def __init__(self, component: Component | None = None, settings: Settings | None = None) -> None:
        self._component, self._settings = component or Component(), settings or Settings()
        self._stack = ExitStack()
        self._links = ["/_local/health"]

    def __enter__(self) -> Self:
        component, settings = self._component, self._settings
        with ExitStack() as stack:
            self.log_dir = settings.log_dir or Path(stack.enter_context(_temporary_folder()))
            stack.enter_context(states.running(retry_scale=settings.retry_scale))
            self.server = stack.enter_context(AwsServer(settings.port))
            stack.callback(states.stop_all)
            self.logs = cloudwatch.LogGroups()
            self.functions = stack.enter_context(self._function_pool())
            stack.enter_context(records.SEAMS.installed(self.functions))
            self.sagemaker = stack.enter_context(self._sagemaker_runtime())
            faults, redelivery = settings.faults or FaultPlan(), settings.redelivery_seconds
            stack.enter_context(delivering(self.functions.invoke, faults, redelivery_seconds=redelivery))
            if settings.metrics:
                services = ServiceMetrics(self.publish, lambda: self.sagemaker.hosts)
                stack.enter_context(repeating(services.look, _SERVICE_METRICS_SECONDS))
            self.server.add_routes(functions.routes(self.functions))
            self.server.add_routes(self.sagemaker.routes())
            self.expose("processes", self._processes)
            self.expose("backlog", lambda: self.sagemaker.backlogs)
            self.expose("invocations", lambda: self.sagemaker.answered)
            self.expose("faults", faults.summary)
            self.server.add_route("GET", re.compile("/"), self._front_page)
            for request in component.requests:
                self._make(request)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End every process and forget every object. Twice is once."""
        self._stack.close()

    @property
    def endpoint_url(self) -> str:
        """What AWS_ENDPOINT_URL must be set to."""
        return self.server.endpoint_url

    def client(self, service: str) -> Any:
        """A boto3 client of a service."""
        return self.server.client(service)

    def expose(self, what: str, answer: Callable[[], object]) -> None:
        """Let GET /_local/WHAT answer with JSON."""
        self._links.append(f"/_local/{what}")
        self.server.add_route("GET", re.compile(f"/_local/{what}"), lambda *_: json_response(answer()))

    def wait_in_service(self, seconds: float = _SERVICE_SECONDS) -> None:
        """Wait until every endpoint takes calls; then GET /_local/health answers 200.

        Raises:
            LocalAwsError: why one cannot.
        """
        for page in self.client("sagemaker").get_paginator("list_endpoints").paginate():
            for endpoint in page["Endpoints"]:
                self.sagemaker.wait_in_service(endpoint["EndpointName"], seconds)
        self.server.ready.set()

    def publish(self, namespace: str, data: Sequence[Mapping[str, Any]]) -> None:
        """Put metrics, where any are kept."""
        if self._settings.metrics:
            cloudwatch.publish(namespace, data)

    def _make(self, request: Request) -> None:
        service, operation, parameters = request
        try:
            if service not in session().get_available_services():
                raise ConfigurationError(f"request {service}.{operation}: AWS has no service {service}")
            client = self.client(service)
            if operation not in client.meta.method_to_api_mapping:
                raise ConfigurationError(f"request {service}.{operation}: {service} has no such operation")
            getattr(client, operation)(**parameters)
        except (BotoCoreError, ClientError) as error:
            reason = " ".join(str(error).split())
            raise ConfigurationError(f"request {service}.{operation}: {reason}") from error

    def _front_page(self, request: werkzeug.Request, _match: re.Match[str]) -> Response | None:
        if "Authorization" in request.headers or "text/html" not in request.headers.get("Accept", ""):
            return None  # a client of S3 that lists buckets
        return Response(render(self, self._component.about, self._links), content_type="text/html")

    def _processes(self) -> object:
        return {"endpoints": self.sagemaker.hosts, "functions": self.functions.pids}

    def _function_pool(self) -> FunctionPool:
        return FunctionPool(
            self._component.functions,
            self.log_dir,
            endpoint_url=self.endpoint_url,
            modules=self._component.modules,
            services=self._component.services,
            on_metrics=self.publish,
            on_log=self.logs.write,
            send_message=send_message,
            patience_seconds=self._settings.patience_seconds,
        )

    def _sagemaker_runtime(self) -> SageMakerRuntime:
        def container(model: Model) -> Container:
            return self._component.containers(model, self.client("s3"))

        settings = self._settings
        hosting = Hosting(container, self.log_dir, settings.limits, settings.launch)
        return SageMakerRuntime(self.client, hosting, publish=self.publish, on_log=self.logs.write)


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="local-aws-")
