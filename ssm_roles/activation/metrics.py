"""The metrics that the rotation function publishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration

if TYPE_CHECKING:
    from aws_cdk import aws_cloudwatch as cloudwatch

# The function uses the same names.
_NAMESPACE = "SsmRoles"


def metric(function_name: str, name: str, statistic: str, period: Duration) -> cloudwatch.Metric:
    """Return a metric of one function."""
    # Importing this takes as long as importing everything else.
    from aws_cdk import aws_cloudwatch as cloudwatch

    return cloudwatch.Metric(
        namespace=_NAMESPACE,
        metric_name=name,
        dimensions_map={"FunctionName": function_name},
        statistic=statistic,
        period=period,
    )
