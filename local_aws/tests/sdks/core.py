"""An endpoint of each kind by SageMaker's SDK 3 (its core), from model to deletion; `TRY_CORE=1`: by core 1.

Runs in an environment of its own, against AWS_ENDPOINT_URL; a bucket `work` is there. Prints what it found.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

import boto3

if os.environ.get("TRY_CORE") == "1":
    from sagemaker_core import shapes
    from sagemaker_core.resources import Endpoint, EndpointConfig, Model
else:
    from sagemaker.core import shapes
    from sagemaker.core.resources import Endpoint, EndpointConfig, Model

ROLE = "arn:aws:iam::123456789012:role/any"


def configured(name: str, **config: Any) -> Any:
    container = shapes.ContainerDefinition(image=f"{name}:1", environment={"A_B": "c"})
    Model.create(model_name=name, execution_role_arn=ROLE, primary_container=container)
    variant = shapes.ProductionVariant(
        variant_name="main", model_name=name, instance_type="ml.g6.xlarge", initial_instance_count=1
    )
    return EndpointConfig.create(endpoint_config_name=name, production_variants=[variant], **config)


def in_service(endpoint: Any) -> Any:
    """The endpoint as a later reader gets it."""
    endpoint.wait_for_status("InService", poll=1, timeout=120)
    return Endpoint.get(endpoint.endpoint_name)


def realtime() -> dict[str, object]:
    configured("first")
    endpoint = in_service(Endpoint.create(endpoint_name="now", endpoint_config_name="first"))
    answer = endpoint.invoke(body="page", content_type="text/plain").body.read().decode()
    configured("second")
    endpoint.endpoint_config_name = "second"
    endpoint.update()
    updated = in_service(endpoint)
    found = {
        "environment": Model.get("first").primary_container.environment,
        "answer": answer,
        "config": updated.endpoint_config_name,
        "image": updated.production_variants[0].deployed_images[0].specified_image,
        "instances": updated.production_variants[0].current_instance_count,
    }
    updated.delete()
    return found


def asynchronous() -> dict[str, object]:
    output = shapes.AsyncInferenceOutputConfig(s3_output_path="s3://work/out")
    configured("queued", async_inference_config=shapes.AsyncInferenceConfig(output_config=output))
    endpoint = in_service(Endpoint.create(endpoint_name="later", endpoint_config_name="queued"))
    s3 = boto3.client("s3")
    s3.put_object(Bucket="work", Key="in", Body=b"page")
    location = endpoint.invoke_async(input_location="s3://work/in").output_location
    bucket, _, key = location.removeprefix("s3://").partition("/")
    while key not in {each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]}:
        time.sleep(0.1)
    found = {
        "output_path": endpoint.async_inference_config.output_config.s3_output_path,
        "output": s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode(),
    }
    endpoint.delete()
    return found


if __name__ == "__main__":
    results = {"realtime": realtime(), "asynchronous": asynchronous()}
    print("\n" + json.dumps({**results, "left": [each.endpoint_name for each in Endpoint.get_all()]}))
