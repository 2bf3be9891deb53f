"""CloudWatch: what AWS publishes by itself, and how it is asked for."""

from local_aws.cloudwatch.logs import LogGroups
from local_aws.cloudwatch.metric_queries import SEAMS
from local_aws.cloudwatch.metrics import publish

__all__ = ["SEAMS", "LogGroups", "publish"]
