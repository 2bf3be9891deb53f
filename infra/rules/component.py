"""The templates of a deployment as one set of resources, with CloudFormation's functions worked out.

Rules compare names and ARNs, so references are followed as far as physical names allow: `Fn::Join`, `Ref` and
`Fn::GetAtt` become text, in the account and region of the local cloud; exports are looked up in their stack.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from hybrid_ocr.contracts.jobs import EndpointMode
from hybrid_ocr.contracts.names import LOCAL_ACCOUNT, LOCAL_REGION

__all__ = ["Component", "Resource"]

_PSEUDO: Final = {
    "AWS::AccountId": LOCAL_ACCOUNT,
    "AWS::Region": LOCAL_REGION,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}

_NAMED: Final = {
    "AWS::SQS::Queue": ("QueueName", "sqs", ""),
    "AWS::S3::Bucket": ("BucketName", "s3", ""),
    "AWS::SNS::Topic": ("TopicName", "sns", ""),
    "AWS::Lambda::Function": ("FunctionName", "lambda", "function:"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs", "log-group:"),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", "states", "stateMachine:"),
    "AWS::CloudWatch::Alarm": ("AlarmName", "cloudwatch", "alarm:"),
    "AWS::SageMaker::Endpoint": ("EndpointName", "sagemaker", "endpoint/"),
    "AWS::Events::EventBus": ("Name", "events", "event-bus/"),
}
"""Of each type that has a physical name: the property, and the service and prefix of its ARN."""

_REF_IS_ARN: Final = frozenset(
    {"AWS::SNS::Topic", "AWS::StepFunctions::StateMachine", "AWS::SageMaker::Endpoint"}
)


@dataclass(frozen=True)
class Resource:
    """A resource of a template; `properties` have no function of CloudFormation left in them.

    Attributes:
        name: the physical one; empty where CloudFormation makes it up.
        deletion: its DeletionPolicy.
    """

    stack: str
    id: str
    type: str
    properties: Mapping[str, Any]
    metadata: Mapping[str, Any]
    name: str
    deletion: str

    def __str__(self) -> str:
        return f"{self.stack}/{self.id}"


class Component:
    """All resources of a deployment.

    Args:
        templates: by the name of their stack.
    """

    def __init__(self, templates: Mapping[str, Mapping[str, Any]]) -> None:
        self._templates = templates
        self._exports = {
            self._plain(output["Export"]["Name"]): (stack, output["Value"])
            for stack, template in templates.items()
            for output in template.get("Outputs", {}).values()
            if "Export" in output
        }

    @classmethod
    def read(cls, folder: Path) -> Component:
        """The component whose templates lie in the folder of a cloud assembly."""
        suffix = ".template.json"
        return cls(
            {
                path.name.removesuffix(suffix): json.loads(path.read_text("utf-8"))
                for path in sorted(folder.glob(f"*{suffix}"))
            }
        )

    @cached_property
    def resources(self) -> list[Resource]:
        """Every resource, in the order of the templates."""
        return [
            Resource(
                stack,
                logical_id,
                told["Type"],
                self._resolved(told.get("Properties", {}), stack),
                told.get("Metadata", {}),
                self._name(stack, told),
                told.get("DeletionPolicy", "Delete"),
            )
            for stack, template in self._templates.items()
            for logical_id, told in template["Resources"].items()
        ]

    @cached_property
    def prefix(self) -> str:
        """What every name of the deployment starts with, from those of its stacks: `hybrid-ocr-dev`."""
        return next(iter(self._templates)).rpartition("-")[0]

    def of(self, *types: str) -> Iterator[Resource]:
        """The resources of some types, such as `AWS::SQS::Queue`."""
        return (resource for resource in self.resources if resource.type in types)

    def arn(self, resource: Resource) -> str:
        """The ARN of a resource with a physical name."""
        return _arn(resource.type, resource.name)

    @cached_property
    def flows(self) -> list[tuple[Resource, dict[str, Any]]]:
        """Each state machine, and its definition after substitution."""
        return [
            (machine, json.loads(definition_of(machine)))
            for machine in self.of("AWS::StepFunctions::StateMachine")
        ]

    @cached_property
    def endpoint_modes(self) -> dict[str, EndpointMode]:
        """The kind of each endpoint, by its name."""
        asynchronous = {
            f"{config.id}.EndpointConfigName"
            for config in self.of("AWS::SageMaker::EndpointConfig")
            if "AsyncInferenceConfig" in config.properties
        }
        return {
            endpoint.name: "async"
            if endpoint.properties["EndpointConfigName"] in asynchronous
            else "realtime"
            for endpoint in self.of("AWS::SageMaker::Endpoint")
        }

    def _name(self, stack: str, told: Mapping[str, Any]) -> str:
        name_property = _NAMED.get(told["Type"], ("",))[0]
        return str(self._resolved(told.get("Properties", {}).get(name_property, ""), stack))

    def _resolved(self, value: Any, stack: str) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, list):
            return [self._resolved(part, stack) for part in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            function, argument = next(iter(value.items()))
            match function:
                case "Ref":
                    return self._reference(stack, argument, "Ref")
                case "Fn::GetAtt":
                    return self._reference(stack, *argument)
                case "Fn::Join":
                    return argument[0].join(str(self._resolved(part, stack)) for part in argument[1])
                case "Fn::Sub":
                    return _filled(argument)
                case "Fn::ImportValue":
                    exporter, exported = self._exports[self._plain(argument)]
                    return self._resolved(exported, exporter)
        return {key: self._resolved(part, stack) for key, part in value.items()}

    def _reference(self, stack: str, logical_id: str, attribute: str) -> str:
        if logical_id in _PSEUDO:
            return _PSEUDO[logical_id]
        told = self._templates[stack]["Resources"].get(logical_id)
        if told is not None and told["Type"] in _NAMED:
            name = self._name(stack, told)
            if attribute in {"Arn", "TopicArn"} or (attribute == "Ref" and told["Type"] in _REF_IS_ARN):
                return _arn(told["Type"], name)
            if attribute == "Ref" and name:
                return name
        return f"{logical_id}.{attribute}"

    @staticmethod
    def _plain(value: Any) -> str:  # noqa: ANN401 - a string, or a function of one
        return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def definition_of(machine: Resource) -> str:
    """The States Language text of a state machine, its places filled."""
    text: str = machine.properties["DefinitionString"]
    for name, value in machine.properties["DefinitionSubstitutions"].items():
        text = text.replace(f"${{{name}}}", value)
    return text


def _arn(kind: str, name: str) -> str:
    _, service, prefix = _NAMED[kind]
    place = "::" if service == "s3" else f"{LOCAL_REGION}:{LOCAL_ACCOUNT}"
    return f"arn:aws:{service}:{place}:{prefix}{name}"


def _filled(template: str) -> str:
    for name, value in _PSEUDO.items():
        template = template.replace(f"${{{name}}}", value)
    return template
