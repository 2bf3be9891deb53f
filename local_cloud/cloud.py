"""The whole component on one machine: its functions, endpoints and bundle of models on a local AWS."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from hybrid_ocr.clients.connection import LOCAL_LOGIN, Connection
from hybrid_ocr.contracts.errors import ConfigurationError, EngineError, ErrorCode
from hybrid_ocr.contracts.names import VARIABLE_PREFIX, Names
from hybrid_ocr.contracts.stage import EngineName
from hybrid_ocr.contracts.stages import STAGES
from hybrid_ocr.engines.cpu import granted_threads
from hybrid_ocr.telemetry import JsonFormatter
from local_aws import Component, Container, FunctionSpec, LocalAws, LocalAwsError, Settings, StartError
from local_aws.aws import Launch
from local_aws.cloudwatch.service_metrics import executions_started
from local_aws.component import About
from local_aws.containers import ContainerProcess
from local_aws.messaging.faults import FaultPlan
from local_aws.moto_server import session
from local_aws.sagemaker import RuntimeLimits
from local_aws.sagemaker.description import Model
from local_cloud import resources
from local_cloud.deployment import Deployment, default_bundles
from local_cloud.model_data import LocalContainers
from local_cloud.models import LocalModels
from stepfunctions import definition, substituted
from topology import Topology, load_topology

if TYPE_CHECKING:
    from local_cloud.autoscaling import Autoscaling

CALLS_AT_ONCE: Final = {
    "rotation": granted_threads(),
    "paginate": 2,
    "validation": 2,
    "dispatch": 8,
    "conclude": 2,
}
"""Most instances of a function where this machine has not the cores for what the topology reserves."""
PATIENCE_SECONDS: Final = 600.0
"""How long a call waits for an instance. Lambda would start a thousand; here a queue is the honest answer."""
MODULES: Final = (
    "boto3",
    "boto3.dynamodb.conditions",
    "aws_lambda_powertools",
    "aws_lambda_powertools.utilities.batch",
    "aws_lambda_powertools.utilities.parser",
    "aws_xray_sdk.core",  # a Tracer brings it, though off: 140 ms for two clients that it makes at import
    "pydantic_settings",
    "numpy",  # BLAS with one thread: see ENVIRONMENT of the fork server
    "cv2",  # starts its threads at the first parallel loop, not at import
    "PIL.Image",
    "jinja2",
    "hybrid_ocr.contracts.codec",
    "hybrid_ocr.engines.load",
    "hybrid_ocr.opening",
    "hybrid_ocr.hosts.function",
    "hybrid_ocr.storage.bundles",
    "hybrid_ocr.storage.reconciliation",
    "hybrid_ocr.storage.settle",
)
"""What most functions import, once for all. OpenVINO starts threads, so rotation imports it by itself."""
SERVICES: Final = ("s3", "dynamodb", "stepfunctions", "sqs", "sagemaker-runtime", "events")
"""Those of AWS that functions call."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CloudSettings:
    """How a local cloud differs from its defaults.

    Args:
        port: where AWS answers; 0 is any free port.
        engine: runs text detection and OCR.
        script: the endpoints recognise this script only.
        rules: a file of validation rules over those of the project.
        faults: a file that says what happens to messages on their way; see `FaultPlan`.
        log_dir: gets the logs of functions and containers; a temporary folder unless given.
        retry_scale: what the pauses of the flow's retries are multiplied with.
        limits: of SageMaker's runtime.
        autoscaling: the endpoints scale; there are asynchronous ones only then.
        most_executions: under way at once; as many as the functions bear here unless given.
        metrics: keep those of functions and endpoints; not worth their start where nobody will look.
        container: changes the container of a model before it is started.
        launch: starts a container, see `EarlyContainers`.
    """

    port: int = 0
    engine: EngineName = "openvino"
    script: str | None = None
    rules: Path | None = None
    faults: Path | None = None
    log_dir: Path | None = None
    retry_scale: float = 1.0
    limits: RuntimeLimits = field(default_factory=RuntimeLimits)
    autoscaling: Autoscaling | None = None
    most_executions: int | None = None
    metrics: bool = True
    container: Callable[[Container], Container] = field(default=lambda container: container, repr=False)
    launch: Launch = ContainerProcess


class LocalCloud:
    """Starts everything together and stops it; a context manager. A process can have one at a time."""

    def __init__(self, settings: CloudSettings | None = None) -> None:
        self.settings = settings or CloudSettings()
        self.names, self.topology = Names(), _bounded(load_topology(), self.settings.most_executions)
        self.models = LocalModels(self.settings.engine, self.settings.script)
        self._stack = ExitStack()

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
            ConfigurationError: the port is taken, or a rule, policy or fault plan cannot work.
        """
        with ExitStack() as stack, _errors_of_ours():
            self._check_rules()
            scaling = self.settings.autoscaling
            policies = scaling.by_stage() if scaling else {}
            self.log_dir = self.settings.log_dir or Path(stack.enter_context(_temporary_folder()))
            stack.enter_context(_logging_to(self.log_dir / "cloud.log"))
            self.aws = stack.enter_context(LocalAws(self._component(), self._aws_settings()))
            deployment = Deployment(self.client, self.names, self.topology).scaled_by(policies)
            deployment.create_endpoints(self.models)  # first, since containers take longest to get ready
            resources.create(
                self.client, self.topology, self.names, {"documents": definition(substituted(self.names))}
            )
            self.bundle = deployment.announce(self.models)
            deployment.activate(default_bundles(self.bundle, self.settings.script))
            self.aws.wait_in_service()
            if scaling:
                scaled = {self.names.endpoint(stage, "async"): policy for stage, policy in policies.items()}
                scaler = scaling.scaler(self.aws.sagemaker, scaled, self.aws.publish, executions_started)
                stack.enter_context(scaler)
                self.aws.expose("scaling", scaler.report)
            publishing = stack.enter_context(ThreadPoolExecutor(1, "publishing"))
            publishing.submit(self._publish_artifacts, deployment)
            self._stack = stack.pop_all()

    def stop(self) -> None:
        """End every process and forget every object. Twice is once."""
        self._stack.close()

    @property
    def endpoint_url(self) -> str:
        """What AWS_ENDPOINT_URL must be set to."""
        return self.aws.endpoint_url

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        """A boto3 client of an AWS service."""
        return self.aws.client(service)

    def connection(self) -> Connection:
        """How the clients reach it."""
        return Connection(session(), self.names, self.endpoint_url, local=True, login=LOCAL_LOGIN)

    def _check_rules(self) -> None:
        if self.settings.rules is not None:
            from hybrid_ocr.stages.validation import load_rules

            load_rules(self.settings.rules)

    def _component(self) -> Component:
        def container(model: Model, s3: Any) -> Container:  # noqa: ANN401
            return self.settings.container(LocalContainers(s3)(model))

        inbox, results = (f"{self.names.bucket(name)}/{name}/" for name in ("inbox", "results"))
        usage = (
            ("Read a document from another terminal:", "hybrid-ocr submit scan.pdf --on local --wait"),
            (
                "Or as any producer does:",
                f'aws --endpoint-url "$AWS_ENDPOINT_URL" s3 cp scan.pdf s3://{inbox}',
            ),
            ("See what became of it:", "hybrid-ocr jobs --on local"),
        )
        about = About("hybrid-ocr", usage, upload=inbox, results=results)
        return Component(self._functions(), container, modules=MODULES, services=SERVICES, about=about)

    def _aws_settings(self) -> Settings:
        settings = self.settings
        limits, scaling = settings.limits, settings.autoscaling
        return Settings(
            port=settings.port,
            log_dir=self.log_dir,
            faults=FaultPlan.load(settings.faults) if settings.faults else None,
            limits=scaling.limits(limits) if scaling else limits,
            retry_scale=settings.retry_scale,
            patience_seconds=PATIENCE_SECONDS,
            metrics=settings.metrics,
            launch=settings.launch,
        )

    def _functions(self) -> dict[str, FunctionSpec]:
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
        return {
            self.names.function(name): FunctionSpec(
                handler=function.handler,
                timeout_seconds=function.timeout_seconds,
                memory_mb=function.memory_mb,
                concurrency=function.concurrency,
                provisioned=int(name in self.models.folders),  # a network: not in the first document's time
                environment={**self.topology.environment(name, self.names), **own.get(name, {})},
            )
            for name, function in self.topology.functions.items()
        }

    def _publish_artifacts(self, deployment: Deployment) -> None:
        """For people to look at: the containers use the folders that the archives were made of."""
        try:
            deployment.publish(self.models)
        except Exception:
            log.exception("the artefacts could not be published")


def _bounded(topology: Topology, most_executions: int | None) -> Topology:
    """The topology with no more calls and executions at once than this machine bears, or are wanted."""
    functions = {
        name: function.model_copy(update={"concurrency": min(function.concurrency, most)})
        for name, function in topology.functions.items()
        for most in [CALLS_AT_ONCE.get(name, function.concurrency)]
    }
    machines = {
        name: machine.model_copy(update={"most_executions": most_executions or machine.most_executions})
        for name, machine in topology.state_machines.items()
    }
    return topology.model_copy(update={"functions": functions, "state_machines": machines})


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="hybrid-ocr-cloud-")


@contextmanager
def _errors_of_ours() -> Iterator[None]:
    """What the local AWS raises, as an error of this project: a container's with the code that it logged."""
    try:
        yield
    except StartError as error:
        code = ErrorCode(error.entry.get("code", ErrorCode.ENGINE_FAILED))
        raise EngineError(error.message, code=code) from error
    except LocalAwsError as error:
        raise ConfigurationError(error.message) from error


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
