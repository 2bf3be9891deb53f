"""`hybrid-ocr up`: the whole component on this machine, until it is stopped."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from hybrid_ocr.commands.complaint import complain
from hybrid_ocr.commands.exits import CANNOT, INTERRUPTED, WHOLE, WRONG_COMMAND
from hybrid_ocr.contracts.errors import OcrError, RequestError
from hybrid_ocr.contracts.stage import EngineName
from local_aws.containers import Container, ContainerProcess
from local_cloud.early import EarlyContainers
from local_cloud.models import LocalModels

if TYPE_CHECKING:
    from local_cloud.cloud import CloudSettings, LocalCloud


@dataclass(frozen=True)
class UpCall:
    """What the command line asked for; see `hybrid-ocr up --help`."""

    port: int
    script: str | None = None
    engine: EngineName = "openvino"
    rules: Path | None = None
    faults: Path | None = None
    logs: Path | None = None
    autoscale: bool = False
    speed: float = 1.0
    policies: Path | None = None


def run(call: UpCall) -> int:
    """Start what was asked for. Returns the exit code."""
    console = Console(stderr=True)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        if not call.autoscale and (call.speed != 1 or call.policies):
            raise RequestError("--speed and --policies belong to --autoscale")
        with ExitStack() as stack:
            launch: Callable[[Container, Path], ContainerProcess] = ContainerProcess
            if not call.autoscale:  # those that scale begin at zero
                models = LocalModels(call.engine, call.script)
                launch = stack.enter_context(EarlyContainers(models, call.logs)).launch
            return _serve(call, launch)
    except RequestError as error:
        return complain(console, error, WRONG_COMMAND)
    except OcrError as error:
        return complain(console, error, CANNOT)
    except KeyboardInterrupt:
        return complain(console, "interrupted before the local cloud was ready", INTERRUPTED)


def _serve(call: UpCall, launch: Callable[[Container, Path], ContainerProcess]) -> int:
    """The containers have been started: now there is time for the imports."""
    from local_cloud.autoscaling import Autoscaling
    from local_cloud.cloud import CloudSettings

    return serve(
        CloudSettings(
            port=call.port,
            engine=call.engine,
            script=call.script,
            rules=call.rules,
            faults=call.faults,
            log_dir=call.logs,
            autoscaling=Autoscaling(call.speed, call.policies) if call.autoscale else None,
            launch=launch,
        )
    )


def serve(settings: CloudSettings) -> int:
    """Start the local cloud, say how to reach it, and stay until interrupted. Returns the exit code."""
    console = Console(stderr=True)
    signal.signal(signal.SIGTERM, _interrupt)
    from local_cloud.cloud import LocalCloud

    began = time.monotonic()
    cloud = LocalCloud(settings)
    ready = False
    try:
        with console.status("starting the local cloud"):
            cloud.start()
        ready = True
        _print_ready(console, cloud, time.monotonic() - began)
        while True:
            signal.pause()
    except OcrError as error:
        return complain(console, error, CANNOT)
    except KeyboardInterrupt:
        if not ready:
            raise
        console.print(Text("\nstopping", "dim"))
        return WHOLE
    finally:
        # A second Control-C would leave processes behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        cloud.stop()


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _print_ready(console: Console, cloud: LocalCloud, seconds: float) -> None:
    inbox = cloud.names.bucket("inbox")
    facts = {
        "endpoint": cloud.endpoint_url,
        "page": f"{cloud.endpoint_url}/",
        "inbox": f"s3://{inbox}/inbox/",
        "logs": str(cloud.log_dir),
        "models": ", ".join(sorted(f"{m.name} {m.version}" for m in cloud.bundle.models.values())),
    }
    if scaling := cloud.settings.autoscaling:
        facts["scaling"] = f"{scaling.speed:g} x; {cloud.endpoint_url}/_local/scaling"
    console.print(Text(f"local cloud ready after {seconds:.1f} s", "bold green"))
    for label, value in facts.items():
        console.print(Text(f"  {label:10}{value}"), soft_wrap=True)
    console.print(Text("\nin another terminal", "bold"))
    # On standard output, so that `eval "$(...)"` and copying take exactly this.
    # boto3 and the AWS CLI 1 know AWS_DEFAULT_REGION alone; to others the shell's AWS_REGION is more.
    region = cloud.names.region
    print(f"export AWS_ENDPOINT_URL={cloud.endpoint_url} AWS_DEFAULT_REGION={region} AWS_REGION={region}")
    print("export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local", flush=True)
    console.print(Text("  hybrid-ocr submit scan.pdf --wait", "dim"))
    console.print(Text(f"  aws s3 cp scan.pdf s3://{inbox}/inbox/scan.pdf", "dim"), soft_wrap=True)
    console.print(Text("\nControl-C stops it; nothing is kept.", "dim"))
