"""From settings to templates: the app is made, checked by the rule packs of cdk-nag, and written."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import aws_cdk as cdk

from infra.deployment import Deployment
from infra.settings import load_settings
from infra.stacks import compose

__all__ = ["OUTPUT", "ROOT", "synthesise"]

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = Path(__file__).resolve().parent / "cdk.out"

_CONTEXT: Final = {
    # Access logs are let in by a policy of their bucket; the ACLs of old are switched off.
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True,
}


def synthesise(stage: str, *, output: Path | None = None, root: Path = ROOT) -> Path:
    """Write the templates of a stage.

    Args:
        stage: a file of `stages/`, without its ending.
        output: the folder of the cloud assembly; by default infra/cdk.out/STAGE.
        root: the folder that the images are built from.

    Returns:
        the folder of the cloud assembly.

    Raises:
        ConfigurationError: a file of settings, policies or models is not as it must be.
    """
    settings = load_settings(stage, dockerfile=root / "endpoints" / "Dockerfile")
    app = cdk.App(
        outdir=str(output or OUTPUT / stage), analytics_reporting=False, tree_metadata=False, context=_CONTEXT
    )
    deployment = Deployment.of(settings, root)
    compose(app, deployment)
    return Path(app.synth().directory)
