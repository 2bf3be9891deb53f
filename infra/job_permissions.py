"""What each part of a job's life may do: looking it up, letting it wait and start, ending it."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_iam as iam

from infra.deployment import Deployment
from infra.statements import allow

__all__ = ["JobPermissions"]


@dataclass(frozen=True)
class JobPermissions:
    """The statements about the table of jobs and the executions of the flow.

    Attributes:
        deployment: whose resources are meant.
    """

    deployment: Deployment

    def look_up(self) -> list[iam.PolicyStatement]:
        """Reading the table."""
        indexes = self.deployment.topology.tables["jobs"].indexes
        return [
            allow(["dynamodb:GetItem"], self._table),
            allow(["dynamodb:Query"], *(f"{self._table}/index/{index.name}" for index in indexes)),
        ]

    def admit(self) -> list[iam.PolicyStatement]:
        """Letting jobs wait, and starting them."""
        return [
            *self.look_up(),
            allow(["dynamodb:PutItem", "dynamodb:UpdateItem"], self._table),
            allow(["states:StartExecution"], self._machine("stateMachine")),
        ]

    def conclude(self) -> list[iam.PolicyStatement]:
        """Ending jobs as their executions have, and starting the next."""
        names = self.deployment.names
        return [
            *self.admit(),
            allow(["states:DescribeExecution"], f"{self._machine('execution')}*"),
            allow(["events:PutEvents"], names.arn("events", f"event-bus/{names.bus('documents')}")),
        ]

    def reconcile(self) -> list[iam.PolicyStatement]:
        """Comparing all jobs with their executions, and doing what is left to do."""
        return [*self.conclude(), allow(["states:ListExecutions"], self._machine("stateMachine"))]

    @property
    def _table(self) -> str:
        names = self.deployment.names
        return names.arn("dynamodb", f"table/{names.table('jobs')}")

    def _machine(self, kind: str) -> str:
        names = self.deployment.names
        return names.arn("states", f"{kind}:{names.state_machine('documents')}")
