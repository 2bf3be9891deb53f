"""The state machine: the flow file as it is, with its places filled by CloudFormation."""

from __future__ import annotations

from importlib.resources import files

from aws_cdk import aws_kms as kms
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from infra.constructs.logs import log_group
from infra.constructs.roles import role
from infra.deployment import Deployment, camel
from infra.permissions import Permissions
from stepfunctions import substituted

__all__ = ["Workflow"]


class Workflow(Construct):
    """The state machines of the topology. Their logs hold every transition and no word of what it carried."""

    def __init__(self, scope: Construct, name: str, deployment: Deployment, key: kms.IKey) -> None:
        super().__init__(scope, name)
        names = deployment.names
        own_role = role(
            self, "Flow", "states", Permissions(deployment, key.key_arn).flow(), account=names.account
        )
        for machine, told in deployment.topology.state_machines.items():
            lines = log_group(
                self,
                camel(machine, "logs"),
                deployment,
                key,
                f"/aws/vendedlogs/states/{names.state_machine(machine)}",
            )
            stepfunctions.CfnStateMachine(
                self,
                camel(machine),
                state_machine_name=names.state_machine(machine),
                state_machine_type="STANDARD",
                role_arn=own_role.role_arn,
                definition_string=files("stepfunctions").joinpath(told.definition).read_text("utf-8"),
                definition_substitutions=substituted(names),
                tracing_configuration=stepfunctions.CfnStateMachine.TracingConfigurationProperty(
                    enabled=True
                ),
                logging_configuration=stepfunctions.CfnStateMachine.LoggingConfigurationProperty(
                    level=told.log_level,
                    include_execution_data=False,
                    destinations=[
                        stepfunctions.CfnStateMachine.LogDestinationProperty(
                            cloud_watch_logs_log_group=stepfunctions.CfnStateMachine.CloudWatchLogsLogGroupProperty(
                                log_group_arn=lines.attr_arn
                            )
                        )
                    ],
                ),
            )
