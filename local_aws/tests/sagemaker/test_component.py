"""A component of one endpoint, as data, on a whole local AWS."""

from __future__ import annotations

from pathlib import Path

from local_aws import Component, LocalAws, Settings
from local_aws.tests.patience import PATIENCE, until
from local_aws.tests.sagemaker.conftest import ROOT

COMPONENT = """
[images."fake:1"]
command = ["python", "-m", "local_aws.tests.sagemaker.fake_container", "serve"]

[[sagemaker.create_model]]
ModelName = "any"
ExecutionRoleArn = "arn:aws:iam::123456789012:role/any"
PrimaryContainer = {Image = "fake:1", Environment = {PYTHONPATH = "ROOT"}}

[[sagemaker.create_endpoint_config]]
EndpointConfigName = "any"

[[sagemaker.create_endpoint_config.ProductionVariants]]
VariantName = "main"
ModelName = "any"
InstanceType = "ml.m5.large"
InitialInstanceCount = 1

[[sagemaker.create_endpoint]]
EndpointName = "any"
EndpointConfigName = "any"
"""


def test_an_endpoint_made_of_data_answers_and_logs_where_clients_look(tmp_path: Path) -> None:
    file = tmp_path / "component.toml"
    file.write_text(COMPONENT.replace("ROOT", str(ROOT)))
    with LocalAws(Component.load(file), Settings(log_dir=tmp_path, metrics=False)) as aws:
        aws.wait_in_service(PATIENCE)
        answer = aws.client("sagemaker-runtime").invoke_endpoint(EndpointName="any", Body=b"whole")
        assert answer["Body"].read() == b"whole"
        logs, group = aws.client("logs"), "/aws/sagemaker/Endpoints/any"
        until(lambda: logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"])
        [event] = logs.filter_log_events(logGroupName=group)["events"]
    assert event["logStreamName"].startswith("main/i-")
    assert event["message"] == (tmp_path / "any-1.log").read_text().strip() == '{"message": "ready"}'
