"""Before the instance type of an endpoint changes, take its scaling away: SageMaker refuses the update else.

`python -m infra.retyping STAGE` is a step of `make deploy`. Where the templates name another type than what
is deployed, it updates the stack of the endpoints to what it is now, without the scalable targets of those
endpoints; the deployment that follows changes the type and registers them again. CloudFormation cannot do
that in one update: it takes away what a template has no longer after it has changed what it has.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, Final

from botocore.exceptions import ClientError

from hybrid_ocr.clients import Connection, connect
from hybrid_ocr.contracts.errors import OcrError
from infra.synthesis import OUTPUT

__all__ = ["retyped", "take_scaling_away", "without_scaling"]

Template = Mapping[str, Any]

_MOST_BYTES: Final = 51_200
"""Of a template in the request itself; a larger one is fetched from S3."""
_KEY: Final = "deployments/endpoints-without-scaling.json"
_TARGET: Final = "AWS::ApplicationAutoScaling::ScalableTarget"
_ENDPOINT: Final = "AWS::SageMaker::Endpoint"


def retyped(deployed: Template, wanted: Template) -> dict[str, tuple[str, str]]:
    """Endpoints of both templates whose instance type differs: by name, the types before and after."""
    before, after = _types(deployed), _types(wanted)
    return {
        name: (before[name], after[name])
        for name in before.keys() & after.keys()
        if before[name] != after[name]
    }


def without_scaling(deployed: Template, wanted: Template) -> dict[str, Any] | None:
    """What is deployed less the scaling of the endpoints whose type changes; None if none of them scales.

    With a scalable target goes whatever refers to it: its policies, and the alarms that fire them.
    """
    names = retyped(deployed, wanted)
    template = deepcopy(dict(deployed))
    resources = template["Resources"]
    gone = {
        key
        for key, resource in resources.items()
        if resource["Type"] == _TARGET and resource["Properties"]["ResourceId"].split("/")[1] in names
    }
    if not gone:
        return None
    while more := {key for key in resources.keys() - gone if gone & set(_references(resources[key]))}:
        gone |= more
    template["Resources"] = {key: resource for key, resource in resources.items() if key not in gone}
    outputs = template.get("Outputs", {})
    template["Outputs"] = {
        key: output for key, output in outputs.items() if not gone & set(_references(output))
    }
    return template


def take_scaling_away(connection: Connection, wanted: Template) -> dict[str, tuple[str, str]]:
    """Do it to a deployment, and wait until it is done.

    Returns:
        the endpoints whose type is to change, as `retyped` does; none is an answer, too.

    Raises:
        OcrError: CloudFormation refuses the update or cannot be asked.
    """
    stack = f"{connection.names.prefix}-endpoints"
    cloudformation = connection.client("cloudformation")
    with connection.translated():
        deployed = _deployed(cloudformation, stack)
        template = without_scaling(deployed, wanted) if deployed else None
        if deployed is None or template is None:
            return {}
        cloudformation.update_stack(
            StackName=stack,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
            Parameters=[
                {"ParameterKey": name, "UsePreviousValue": True} for name in template.get("Parameters", {})
            ],
            **_body(connection, json.dumps(template, separators=(",", ":"))),
        )
        cloudformation.get_waiter("stack_update_complete").wait(StackName=stack)
    return retyped(deployed, wanted)


def _deployed(cloudformation: Any, stack: str) -> Template | None:  # noqa: ANN401 - boto3 makes its classes
    try:
        body = cloudformation.get_template(StackName=stack)["TemplateBody"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # there is no such stack
            return None
        raise
    return json.loads(body) if isinstance(body, str) else dict(body)


def _body(connection: Connection, text: str) -> dict[str, str]:
    """The argument of a request that holds a template, or says where it lies."""
    if len(text.encode()) <= _MOST_BYTES:
        return {"TemplateBody": text}
    bucket = connection.names.bucket("artifacts")
    connection.client("s3").put_object(Bucket=bucket, Key=_KEY, Body=text.encode())
    return {"TemplateURL": f"https://{bucket}.s3.{connection.names.region}.amazonaws.com/{_KEY}"}


def _types(template: Template) -> dict[str, str]:
    """The instance type of each endpoint, by its name."""
    resources = template["Resources"]
    found = {}
    for resource in resources.values():
        if resource["Type"] == _ENDPOINT:
            config, _ = resource["Properties"]["EndpointConfigName"]["Fn::GetAtt"]
            [variant] = resources[config]["Properties"]["ProductionVariants"]
            found[resource["Properties"]["EndpointName"]] = variant["InstanceType"]
    return found


def _references(value: object) -> Iterator[str]:
    """The logical ids that a part of a template refers to."""
    if isinstance(value, list):
        for part in value:
            yield from _references(part)
    elif isinstance(value, dict):
        for key, part in value.items():
            if key in {"Ref", "DependsOn"}:
                yield from [part] if isinstance(part, str) else part
            elif key == "Fn::GetAtt":
                yield part[0] if isinstance(part, list) else part.partition(".")[0]
            else:
                yield from _references(part)


def main() -> int:
    """Prepare the stage that is named for `cdk deploy`."""
    [stage] = sys.argv[1:]
    try:
        connection = connect(stage)
        file = OUTPUT / stage / f"{connection.names.prefix}-endpoints.template.json"
        for name, (before, after) in take_scaling_away(
            connection, json.loads(file.read_text("utf-8"))
        ).items():
            print(f"{name} will run on {after} in place of {before}: its scaling was taken away until then")
    except (OcrError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
