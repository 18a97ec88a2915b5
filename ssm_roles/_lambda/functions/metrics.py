"""Metrics, which CloudWatch takes from the log.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import os
import time

_NAMESPACE = "SsmRoles"


def publish(**values: float) -> None:
    """Publish metrics of this function, in a line of its log that is a JSON object."""
    definition = {
        "Namespace": _NAMESPACE,
        "Dimensions": [["FunctionName"]],
        "Metrics": [{"Name": name} for name in values],
    }
    line = {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [definition]},
        "FunctionName": os.environ["AWS_LAMBDA_FUNCTION_NAME"],
        **values,
    }
    print(json.dumps(line))
