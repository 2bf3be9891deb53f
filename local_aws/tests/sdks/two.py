"""An endpoint of each kind by SageMaker's SDK 2: deployed, called, updated and deleted.

Runs in an environment of its own, against AWS_ENDPOINT_URL; a bucket `work` is there. Prints what it found.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

import sagemaker
from sagemaker.async_inference import AsyncInferenceConfig, WaiterConfig
from sagemaker.model import Model
from sagemaker.predictor import Predictor

SESSION = sagemaker.Session(default_bucket="work")
KIND = {"instance_type": "ml.g6.xlarge", "wait": False}


def model(name: str) -> Model:
    role = "arn:aws:iam::123456789012:role/any"
    return Model(
        image_uri=f"{name}:1", role=role, name=name, sagemaker_session=SESSION, predictor_cls=Predictor
    )


def in_service(name: str) -> Any:
    """The endpoint's variant; the SDK looks every 30 s."""
    while True:
        found = SESSION.sagemaker_client.describe_endpoint(EndpointName=name)
        if found["EndpointStatus"] == "InService":
            return found["ProductionVariants"][0]
        assert found["EndpointStatus"] in {"Creating", "Updating"}, found
        time.sleep(0.1)


def realtime() -> dict[str, object]:
    predictor = model("first").deploy(initial_instance_count=1, endpoint_name="now", **KIND)
    in_service("now")
    answer = predictor.predict(b"page").decode()
    model("second").create(instance_type="ml.g6.xlarge")
    predictor.update_endpoint(initial_instance_count=2, model_name="second", **KIND)
    variant = in_service("now")
    predictor.delete_endpoint()
    return {
        "answer": answer,
        "image": variant["DeployedImages"][0]["SpecifiedImage"],
        "instances": variant["CurrentInstanceCount"],
    }


def asynchronous() -> dict[str, object]:
    config = AsyncInferenceConfig(output_path="s3://work/out", failure_path="s3://work/failed")
    predictor = model("queued").deploy(
        initial_instance_count=1, endpoint_name="later", async_inference_config=config, **KIND
    )
    in_service("later")
    kept = predictor.predict_async(data=b"page")
    output = kept.get_result(WaiterConfig(max_attempts=120, delay=1)).decode()
    predictor.update_endpoint(initial_instance_count=2, **KIND)
    instances = in_service("later")["CurrentInstanceCount"]
    again = predictor.predict(data=b"again").decode()
    predictor.delete_endpoint()
    return {"output": output, "path": kept.output_path, "instances": instances, "again": again}


if __name__ == "__main__":
    results = {"realtime": realtime(), "asynchronous": asynchronous()}
    left = SESSION.sagemaker_client.list_endpoints()["Endpoints"]
    print(json.dumps({**results, "left": [each["EndpointName"] for each in left]}), flush=True)
    os._exit(0)  # threads of the SDK go on waiting for objects of failures: a quarter of an hour
