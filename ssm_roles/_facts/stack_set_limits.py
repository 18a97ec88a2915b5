"""The quotas of CloudFormation StackSets.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""

TEMPLATE_BODY_BYTES = 51_200
"""The maximum size of a template in a request. Longer templates are in Amazon S3."""

TEMPLATE_BYTES = 1_000_000
"""The maximum size of a template in Amazon S3, which AWS gives as 1 MB."""

MOST_ORGANIZATIONAL_UNITS = 50
"""The maximum number of organizational units in one rollout."""

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html
MOST_DEPENDENCIES = 10
"""The maximum number of stack sets that one stack set can depend on."""

MOST_INSTANCES = 100_000
"""The maximum number of stack instances in one stack set. You can request a higher quota."""

INSTANCES_IN_36_HOURS = 80_010
"""The number of stacks in 30 Regions that the simulation in benchmarks/organization.py deploys in 36 hours.

The schema of ``AWS::CloudFormation::StackSet`` has this timeout:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/resource-type-schemas.html
"""
