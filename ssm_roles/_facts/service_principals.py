"""The service principals that assume the roles of this library, and those that the roles are passed to."""

from __future__ import annotations

import re

SYSTEMS_MANAGER = "ssm.amazonaws.com"
"""The same in every partition: https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-service-role.html"""

OF_SYSTEMS_MANAGER = re.compile(r"(?:[\w-]+\.)?ssm(?:-[\w-]+)?\.amazonaws\.com")
"""The form of the service principals of Systems Manager and its features, also those that this library doesn't know."""

CLOUDFORMATION = "cloudformation.amazonaws.com"
QUICK_SETUP = "ssm-quicksetup.amazonaws.com"
"""https://docs.aws.amazon.com/systems-manager/latest/userguide/quick-setup-getting-started.html"""

EC2 = "ec2.amazonaws.com"
EC2_NAMES = (EC2, "ec2.amazonaws.com.cn")
"""The names that EC2 has had in any partition. AWS's managed policies for passing a role to EC2 name both."""
