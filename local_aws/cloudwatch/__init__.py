"""CloudWatch: metrics, what AWS publishes by itself of them, and logs. Alarms are refused by name."""

from local_aws.cloudwatch import metric_queries  # noqa: F401 - adds its seams
from local_aws.cloudwatch.logs import LogGroups
from local_aws.cloudwatch.metrics import SEAMS, Metrics, publish

__all__ = ["SEAMS", "LogGroups", "Metrics", "publish"]
