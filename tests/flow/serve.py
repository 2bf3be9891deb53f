"""A local cloud for a test, in a process of its own: `python -m tests.flow.serve SETTINGS`.

SETTINGS is JSON: `log_dir`, and where they differ from the command's own `faults` (a file), `retry_scale`,
`lost_retries`, `keep_trailing_slash`, `autoscale_speed`, `most_executions`, and `module`, which runs in
place of the endpoint of that name. SIGTERM stops it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from hybrid_ocr.commands.up import serve
from local_aws.containers import Container
from local_aws.sagemaker import RuntimeLimits
from local_cloud.autoscaling import Autoscaling
from local_cloud.cloud import CloudSettings

ROOT = Path(__file__).resolve().parents[2]


def main(told: dict[str, Any]) -> int:
    modules: dict[str, str] = told.get("module", {})

    def container(made: Container) -> Container:
        if made.name not in modules:
            return made
        return replace(
            made,
            command=[*made.command[:3], modules[made.name], "serve"],
            environment={**made.environment, "PYTHONPATH": str(ROOT)},
        )

    return serve(
        CloudSettings(
            script="latin",
            faults=Path(told["faults"]) if "faults" in told else None,
            log_dir=Path(told["log_dir"]),
            limits=RuntimeLimits(
                retries_on_lost_instance=told.get("lost_retries", 2),
                keep_trailing_slash=told.get("keep_trailing_slash", False),
            ),
            retry_scale=told.get("retry_scale", 0.1),
            most_executions=told.get("most_executions"),
            autoscaling=Autoscaling(told["autoscale_speed"]) if "autoscale_speed" in told else None,
            container=container,
        )
    )


if __name__ == "__main__":
    raise SystemExit(main(json.loads(sys.argv[1])))
