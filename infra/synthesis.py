"""From settings to templates: the app is made, checked by cdk-nag, written, and checked by our own rules."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import aws_cdk as cdk

from hybrid_ocr.contracts.errors import ConfigurationError
from infra.acknowledgements import acknowledge
from infra.contexts import check_built
from infra.deployment import Deployment
from infra.nag import findings
from infra.pictures import write_pictures
from infra.rules import Component, violations
from infra.settings import CHECKOUT, load_settings
from infra.stacks import compose

__all__ = ["OUTPUT", "ROOT", "make_app", "synthesise"]

ROOT: Final = CHECKOUT
OUTPUT: Final = Path(__file__).resolve().parent / "cdk.out"

_CONTEXT: Final = {
    # Access logs are let in by a policy of their bucket; the ACLs of old are switched off.
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True,
}


def make_app(deployment: Deployment, output: Path) -> cdk.App:
    """The app of a deployment, not written yet."""
    app = cdk.App(outdir=str(output), analytics_reporting=False, tree_metadata=False, context=_CONTEXT)
    compose(app, deployment)
    return app


def synthesise(stage: str, *, output: Path | None = None, root: Path = ROOT) -> Path:
    """Write the templates of a stage, and under dashboards/ a picture of each dashboard.

    Args:
        stage: a file of `stages/`, without its ending.
        output: the folder of the cloud assembly; by default infra/cdk.out/STAGE.
        root: the folder that the images are built from.

    Returns:
        the folder of the cloud assembly.

    Raises:
        ConfigurationError: a file of settings, policies or models is not as it must be, an artefact that an
            image holds is not built, cdk-nag found what nobody acknowledged, or a rule of infra/rules is
            broken.
    """
    settings = load_settings(stage, dockerfile=root / "endpoints" / "Dockerfile")
    deployment = Deployment.of(settings, root)
    check_built(deployment.topology, root)
    output = output or OUTPUT / stage
    if (output / "manifest.json").is_file():
        shutil.rmtree(output)  # a stack that the stage has no longer would be read with the others
    app = make_app(deployment, output)
    acknowledge(app, settings)
    if found := findings(app):
        listed = "\n".join(f"  {finding} at {path}" for finding, path in found)
        raise ConfigurationError(f"cdk-nag has {len(found)} findings that nobody acknowledged:\n{listed}")
    written = Path(app.synth().directory)
    component = Component.read(written)
    if broken := violations(component):
        listed = "\n".join(f"  {one.rule}: {one.culprit}" for one in broken)
        raise ConfigurationError(f"{written} breaks rules of infra/rules:\n{listed}")
    write_pictures(component, written / "dashboards")
    return written
