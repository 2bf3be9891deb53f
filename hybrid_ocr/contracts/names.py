"""Physical names and ARNs: they follow from stage, account and region, so every reader agrees on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

COMPONENT: Final = "hybrid-ocr"
VARIABLE_PREFIX: Final = "HYBRID_OCR_"
"""What every environment variable of ours starts with."""
METRICS: Final = "HybridOCR"
"""The CloudWatch namespace of the component's own metrics; that of a stage has its name behind it."""
LOCAL_STAGE: Final = "local"
LOCAL_ACCOUNT: Final = "123456789012"
LOCAL_REGION: Final = "us-east-1"
LOCAL_PORT: Final = 4580
"""Where `hybrid-ocr up` answers, unless told."""


@dataclass(frozen=True)
class Names:
    """Names of everything in one deployment.

    Args:
        stage: such as dev or prod; `local` is the local cloud.
        account: the AWS account, twelve digits.
        region: such as eu-central-1.
        partition: aws, aws-cn or aws-us-gov.
    """

    stage: str = LOCAL_STAGE
    account: str = LOCAL_ACCOUNT
    region: str = LOCAL_REGION
    partition: str = "aws"

    @property
    def prefix(self) -> str:
        """What every name starts with."""
        return f"{COMPONENT}-{self.stage}"

    @property
    def metrics_namespace(self) -> str:
        """The CloudWatch namespace of this deployment's own metrics; the local cloud is the only one."""
        return METRICS if self.stage == LOCAL_STAGE else f"{METRICS}/{self.stage}"

    def bucket(self, name: str) -> str:
        """A bucket; the account and region make it unique in the world."""
        return f"{self.prefix}-{name}-{self.account}-{self.region}"

    def queue(self, name: str) -> str:
        """A queue."""
        return f"{self.prefix}-{name}"

    def dead_letter_queue(self, name: str) -> str:
        """The queue of what a queue gave up."""
        return f"{self.prefix}-{name}-dead"

    def topic(self, name: str) -> str:
        """A topic."""
        return f"{self.prefix}-{name}"

    def table(self, name: str) -> str:
        """A DynamoDB table."""
        return f"{self.prefix}-{name}"

    def function(self, name: str) -> str:
        """A Lambda function."""
        return f"{self.prefix}-{name}"

    def rule(self, name: str) -> str:
        """An EventBridge rule."""
        return f"{self.prefix}-{name}"

    def bus(self, name: str) -> str:
        """An event bus; `default` is the account's own."""
        return name if name == "default" else f"{self.prefix}-{name}"

    def state_machine(self, name: str) -> str:
        """A state machine."""
        return f"{self.prefix}-{name}"

    def model(self, stage: str, bundle: str = "") -> str:
        """A SageMaker model: one stage of a bundle, whichever endpoints serve it."""
        return self.endpoint(stage, "", bundle)

    def endpoint(self, stage: str, mode: str, bundle: str = "") -> str:
        """A SageMaker endpoint, which allows no underscore: one stage, one mode, and the bundle it serves."""
        return "-".join(part for part in (self.prefix, stage.replace("_", "-"), mode, bundle) if part)

    def queue_url(self, queue: str) -> str:
        """The URL of a queue by its physical name, as SQS gives it."""
        return f"https://sqs.{self.region}.amazonaws.com/{self.account}/{queue}"

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource in this account and region: `arn("lambda", "function:NAME")`."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def resolve(self, value: str) -> str:
        """A value of a function's environment: `bucket:work` is that bucket's name, other text itself."""
        kind, _, name = value.partition(":")
        resolvers: dict[str, Callable[[str], str]] = {
            "bucket": self.bucket,
            "table": self.table,
            "bus": self.bus,
            "state_machine": lambda name: self.arn("states", f"stateMachine:{self.state_machine(name)}"),
            "queue": lambda name: self.queue_url(self.queue(name)),
            "dead_letter_queue": lambda name: self.queue_url(self.dead_letter_queue(name)),
            "metrics": lambda _: self.metrics_namespace,
        }
        return resolvers[kind](name) if name and kind in resolvers else value

    def resolve_all(self, value: Any) -> Any:  # noqa: ANN401 - any JSON
        """Any JSON with each of its texts resolved, such as the pattern of a rule."""
        if isinstance(value, dict):
            return {key: self.resolve_all(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self.resolve_all(part) for part in value]
        return self.resolve(value) if isinstance(value, str) else value
