"""The whole component on one machine: AWS's services, the functions, the endpoints, a bundle of models."""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, cast

from werkzeug import Request, Response

from hybrid_ocr.clients.connection import LOCAL_LOGIN, Connection
from hybrid_ocr.contracts.names import VARIABLE_PREFIX, Names
from hybrid_ocr.contracts.stage import EngineName
from hybrid_ocr.contracts.stages import STAGES
from hybrid_ocr.engines.cpu import granted_threads
from hybrid_ocr.engines.interpreters import python_of
from hybrid_ocr.telemetry import JsonFormatter
from local_cloud.aws import resources
from local_cloud.aws.deliveries import Deliveries
from local_cloud.aws.faults import FaultPlan
from local_cloud.aws.metrics import publish
from local_cloud.aws.moto_settings import session
from local_cloud.aws.server import AwsServer, json_response
from local_cloud.aws.service_metrics import ServiceMetrics, executions_started
from local_cloud.containers import Container, ContainerProcess
from local_cloud.deployment import Deployment, default_bundles
from local_cloud.functions.model import FunctionSpec
from local_cloud.functions.pool import FunctionPool
from local_cloud.functions.routes import routes as function_routes
from local_cloud.models import ENGINE, LocalModels
from local_cloud.moto_stepfunctions import install as install_stepfunctions
from local_cloud.sagemaker import LocalContainers, RuntimeLimits, SageMakerRuntime
from local_cloud.sagemaker.description import Model
from stepfunctions import definition, substituted
from topology import Topology, load_topology

if TYPE_CHECKING:
    from local_cloud.autoscaling import Autoscaling

CALLS_AT_ONCE: Final = {"rotation": granted_threads(), "paginate": 2, "validation": 2, "dispatch": 8}
"""Most instances of a function where this machine has not the cores for what the topology reserves."""
_TICK_SECONDS, _LEAST_TICK_SECONDS = 5.0, 0.1  # between two looks at executions and queues
PATIENCE_SECONDS: Final = 600.0
"""How long a call waits for an instance. Lambda would start a thousand; here a queue is the honest answer."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CloudSettings:
    """How a local cloud differs from its defaults.

    Args:
        port: where AWS answers; 0 is any free port.
        engine: runs text detection and OCR.
        script: the endpoints recognise this script only.
        rules: a file of validation rules over those of the project.
        faults: what happens to messages on their way.
        log_dir: gets the logs of functions and containers; a temporary folder unless given.
        retry_scale: what the pauses of the flow's retries are multiplied with.
        limits: of SageMaker's runtime.
        autoscaling: the endpoints scale; there are asynchronous ones only then.
        metrics: keep those of functions and endpoints; not worth their start where nobody will look.
        container: changes the container of a model before it is started.
        launch: starts a container, see `EarlyContainers`.
    """

    port: int = 0
    engine: EngineName = "openvino"
    script: str | None = None
    rules: Path | None = None
    faults: FaultPlan | None = None
    log_dir: Path | None = None
    retry_scale: float = 1.0
    limits: RuntimeLimits = field(default_factory=RuntimeLimits)
    autoscaling: Autoscaling | None = None
    metrics: bool = True
    container: Callable[[Container], Container] = field(default=lambda container: container, repr=False)
    launch: Callable[[Container, Path], ContainerProcess] = ContainerProcess


class LocalCloud:
    """Starts everything together and stops it; a context manager. A process can have one at a time."""

    def __init__(self, settings: CloudSettings | None = None) -> None:
        self.settings = settings or CloudSettings()
        self.names = Names()
        self.topology: Topology = load_topology()
        self.models = LocalModels(self.settings.engine, self.settings.script)
        self.server = AwsServer(self.settings.port)
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start; returns when documents can be submitted.

        Raises:
            ArtifactError: a model artefact is not there; the text says how to build it.
            EngineError: a container could not be started.
            ConfigurationError: the port is taken, or a rule cannot work.
        """
        with ExitStack() as stack:
            self.log_dir = self.settings.log_dir or Path(stack.enter_context(_temporary_folder()))
            self._check()
            stack.enter_context(_logging_to(self.log_dir / "cloud.log"))
            install_stepfunctions(retry_scale=self.settings.retry_scale)
            stack.enter_context(self.server)
            self.functions = stack.enter_context(self._functions())
            self.server.add_routes(function_routes(self.functions))
            self.runtime = stack.enter_context(self._runtime())
            self.server.add_routes(self.runtime.routes())
            deployment = self._deployment()
            deployment.create_endpoints(self.models)  # first, since containers take longest to get ready
            resources.create(self.server, self.topology, self.names, {"documents": self._definition()})
            stack.enter_context(self._deliveries())
            self.bundle = deployment.announce(self.models)
            deployment.activate(default_bundles(self.bundle, self.settings.script))
            for name in deployment.endpoint_names():
                self.runtime.wait_in_service(name)
            if self.settings.metrics:
                stack.enter_context(self._service_metrics())
            if self.settings.autoscaling:
                self._scale(stack, self.settings.autoscaling)
            self.server.add_route("GET", re.compile("/_local/processes"), self._processes)
            self.server.add_route(
                "GET", re.compile("/_local/backlog"), lambda *_: json_response(self.runtime.backlogs)
            )
            self.server.add_route(
                "GET", re.compile("/_local/invocations"), lambda *_: json_response(self.runtime.answered)
            )
            self.server.ready.set()
            stack.enter_context(ThreadPoolExecutor(1, "publishing")).submit(
                self._publish_artifacts, deployment
            )
            self._resources = stack.pop_all()

    def stop(self) -> None:
        """End every process and forget every object. Twice is once."""
        self._resources.close()

    @property
    def endpoint_url(self) -> str:
        """What AWS_ENDPOINT_URL must be set to."""
        return self.server.endpoint_url

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        """A boto3 client of an AWS service."""
        return self.server.client(service)

    def connection(self) -> Connection:
        """How the clients reach it."""
        return Connection(session(), self.names, self.endpoint_url, local=True, login=LOCAL_LOGIN)

    def _publish_artifacts(self, deployment: Deployment) -> None:
        """For people to look at: the containers use the folders that the archives were made of."""
        try:
            deployment.publish(self.models)
        except Exception:
            log.exception("the artefacts could not be published")

    def _publish(self, namespace: str, data: Sequence[Mapping[str, Any]]) -> None:
        if self.settings.metrics:
            publish(namespace, data)

    def _check(self) -> None:
        """Everything that can be wrong with what was asked for, before a process is started."""
        if self.settings.rules is not None:
            from hybrid_ocr.stages.validation import load_rules

            load_rules(self.settings.rules)
        _ = self.models.folders
        self._policies = self.settings.autoscaling.by_stage() if self.settings.autoscaling else {}

    def _deployment(self) -> Deployment:
        if not self._policies:
            return Deployment(self.client, self.names, self.topology)
        begin = {stage: policy.min_instances for stage, policy in self._policies.items()}
        return Deployment(self.client, self.names, self.topology, modes=("async",), instances=begin)

    def _service_metrics(self) -> ServiceMetrics:
        return ServiceMetrics(self.names, self._publish, self._hosts)

    def _scale(self, stack: ExitStack, told: Autoscaling) -> None:
        """Let the endpoints follow their policies from now on."""
        from local_cloud.autoscaling import Autoscaler

        policies = {self.names.endpoint(stage, "async"): policy for stage, policy in self._policies.items()}
        scaler = Autoscaler(
            self.runtime,
            policies,
            speed=told.speed,
            publish=publish,
            started=lambda: executions_started(self.names),
        )
        stack.enter_context(scaler)
        self.server.add_route("GET", re.compile("/_local/scaling"), lambda *_: json_response(scaler.told()))

    def _deliveries(self) -> Deliveries:
        return Deliveries(
            self.server, self.topology, self.names, invoke=self.functions.invoke, faults=self.settings.faults
        )

    def _processes(self, _request: Request, _match: re.Match[str]) -> Response:
        """Which processes serve each endpoint and each function."""
        return json_response({"endpoints": self._hosts(), "functions": self.functions.pids})

    def _hosts(self) -> dict[str, tuple[int, ...]]:
        """The processes of each endpoint's instances."""
        return {name: self.runtime.pids(name) for name in self._deployment().endpoint_names()}

    def _definition(self) -> str:
        return definition(substituted(self.names))

    def _functions(self) -> FunctionPool:
        own: dict[str, dict[str, str]] = {
            name: {
                f"{VARIABLE_PREFIX}MODEL_DIR": str(folder),
                f"{VARIABLE_PREFIX}CACHE_DIR": str(self.models.cache_dir),
            }
            for name, folder in self.models.folders.items()
            if STAGES[name].host == "function"
        }
        rules = self.settings.rules
        own["validation"] = {f"{VARIABLE_PREFIX}RULES": str(rules.resolve()) if rules else ""}
        specs = {
            self.names.function(name): FunctionSpec(
                handler=function.handler,
                timeout_seconds=function.timeout_seconds,
                memory_mb=function.memory_mb,
                concurrency=min(function.concurrency, CALLS_AT_ONCE.get(name, function.concurrency)),
                provisioned=int(name in self.models.folders),  # a network: not in the first document's time
                environment={**resources.function_environment(function, self.names), **own.get(name, {})},
            )
            for name, function in self.topology.functions.items()
        }
        return FunctionPool(
            specs,
            self.log_dir,
            names=self.names,
            endpoint_url=self.endpoint_url,
            on_metrics=self._publish,
            patience_seconds=PATIENCE_SECONDS,
        )

    def _runtime(self) -> SageMakerRuntime:
        containers = LocalContainers(self.client("s3"))

        def container(model: Model) -> Container:
            made = containers(model)
            python = python_of(cast("EngineName", made.environment[ENGINE]))
            return self.settings.container(replace(made, python=python))

        limits, autoscaling = self.settings.limits, self.settings.autoscaling
        limits = autoscaling.limits(limits) if autoscaling else limits
        return SageMakerRuntime(
            self.client,
            container,
            self.log_dir,
            launch=self.settings.launch,
            limits=limits,
            publish=self._publish,
        )


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="hybrid-ocr-cloud-")


@contextmanager
def _logging_to(file: Path) -> Iterator[None]:
    """What this process logs goes where the logs of the others go, not between what a command prints."""
    file.parent.mkdir(parents=True, exist_ok=True)
    root = logging.getLogger()
    before = root.handlers[:], root.level
    with file.open("a", encoding="utf-8") as stream:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(JsonFormatter(service="local-cloud"))
        root.handlers[:] = [handler]
        root.setLevel(logging.INFO)
        for chatty in ("botocore", "boto3", "urllib3", "moto", "werkzeug", "httpx", "httpcore"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        try:
            yield
        finally:
            root.handlers[:], root.level = before
