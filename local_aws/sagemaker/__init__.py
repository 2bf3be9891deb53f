"""SageMaker hosting on one machine: a double of what AWS documents, over the real containers.

Where it departs from AWS: endpoints of one model share their processes, where RuntimeLimits lets them; an
endpoint has one variant; a queue does not outlive its process. What AWS leaves open, such as retries, are
settings; what is not done is refused by name where it is made.
"""

from local_aws.sagemaker.group import Hosting
from local_aws.sagemaker.limits import RuntimeLimits
from local_aws.sagemaker.runtime import SageMakerRuntime

__all__ = ["Hosting", "RuntimeLimits", "SageMakerRuntime"]
