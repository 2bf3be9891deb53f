"""SageMaker hosting on one machine: a double of what AWS documents, over the real containers."""

from local_cloud.sagemaker.limits import RuntimeLimits
from local_cloud.sagemaker.model_data import LocalContainers
from local_cloud.sagemaker.runtime import SageMakerRuntime

__all__ = ["LocalContainers", "RuntimeLimits", "SageMakerRuntime"]
