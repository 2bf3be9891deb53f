"""`artifacts publish` and `artifacts register`: artefacts that were built, into AWS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hybrid_ocr.commands.deployment_options import DeploymentOptions, with_deployment_options
from hybrid_ocr.commands.exits import WHOLE, exits
from hybrid_ocr.contracts.errors import RequestError
from hybrid_ocr.needs import needs

Root = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder of the artefacts.", envvar="HYBRID_OCR_ARTIFACTS"),
]
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="Artefacts that were built; none means one for each stage."),
]


@needs("artifacts publish", extra="client")
@exits
@with_deployment_options
def publish(
    deployment: DeploymentOptions,
    names: Names = None,
    activate: Annotated[
        bool, typer.Option("--activate", help="Then read new documents with these models.")
    ] = False,
    script: Annotated[
        str | None, typer.Option(metavar="NAME", help="With the recogniser that was cut to this script.")
    ] = None,
    root: Root = None,
) -> int:
    """Upload artefacts to the artefacts bucket of a deployment, every byte checked before.

    The key of each names its sha256. What lies there already is never overwritten: the same bytes are left
    alone, others are an error.

    With --activate the artefacts of all stages and the endpoints that serve them become a bundle, and new
    documents are read with it; jobs that run stay on theirs. That is refused unless every endpoint is in
    service with exactly these artefacts. So: publish, deploy the endpoints, publish --activate. With --script
    the bundle is for documents that ask for that script, and for all of them where it is the first.

    Exit codes: 0 it is as you asked; 2 the command line is wrong; 3 an artefact is not right, an endpoint
    does not serve it, or the deployment cannot be asked.
    """
    from hybrid_ocr.artifacts import artifacts_root
    from hybrid_ocr.artifacts.building.catalogue import load_catalogue
    from hybrid_ocr.contracts.keys import DEFAULT_BUNDLE
    from hybrid_ocr.contracts.stages import artifact_names
    from model_artifacts.publishing import ModelPublisher

    if names and (activate or script):
        raise RequestError("a bundle has an artefact of every stage: name none with --activate or --script")
    catalogue = load_catalogue()
    of_stages = artifact_names(script)
    chosen = [catalogue.recipe(name).name for name in names or sorted(of_stages.values())]
    connection = deployment.connect()
    publisher = ModelPublisher(connection, root or artifacts_root(), catalogue)
    for published in publisher.publish(chosen):
        state = "published" if published.fresh else "already there"
        print(f"{published.model.name} {published.model.sha256[:12]} {state}: {published.uri}", flush=True)
    if activate:
        bundle = publisher.bundle(of_stages)
        publisher.activate(bundle, script or DEFAULT_BUNDLE)
        modes = ", ".join(sorted({endpoint.mode for endpoint in bundle.endpoints.values()}))
        print(f"bundle {bundle.id} active as {script or DEFAULT_BUNDLE}, on {modes} endpoints")
    return WHOLE


@needs("artifacts register", extra="registry")
@exits
@with_deployment_options
def register(
    deployment: DeploymentOptions,
    name: Annotated[str, typer.Argument(metavar="NAME", help="An artefact that was built.")],
    image: Annotated[
        str | None,
        typer.Option(metavar="URI", help="Of its container, in ECR; else that of the endpoint of its stage."),
    ] = None,
    root: Root = None,
) -> int:
    """Make an artefact a version in SageMaker's Model Registry, waiting for approval; it is published first.

    Needs the extra `registry`. The same artefact is registered once. Its group is named by deployment and
    artefact.

    Exit codes: 0 it is registered; 2 the command line is wrong; 3 the artefact is not right, the SDK is not
    installed, or the account cannot be asked.
    """
    from hybrid_ocr.artifacts import artifacts_root
    from hybrid_ocr.artifacts.building.catalogue import load_catalogue
    from model_artifacts.publishing import ModelPublisher
    from model_artifacts.registry import Registry

    catalogue = load_catalogue()
    recipe = catalogue.recipe(name)
    connection = deployment.connect()
    registry = Registry(connection)
    publisher = ModelPublisher(connection, root or artifacts_root(), catalogue)
    image = image or publisher.image(recipe.entry.stage)
    if image is None:
        raise RequestError(f"no endpoint serves {recipe.entry.stage}: say --image")
    [published] = publisher.publish([recipe.name])
    registered = registry.register(published.model, artifact_uri=published.uri, image=image)
    state = "registered" if registered.fresh else "already there"
    print(f"{published.model.name} {published.model.sha256[:12]} {state}: {registered.arn}")
    return WHOLE
