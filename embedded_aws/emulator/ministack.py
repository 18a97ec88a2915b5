"""The modules of MiniStack that the emulator reads and replaces.

MiniStack has no type hints, so its modules have the type `Any`. MiniStack reads environment variables when it is
imported. Import this module only after they are set.
"""

import importlib
from typing import Any

account: Any = importlib.import_module("ministack.services.account")
app: Any = importlib.import_module("ministack.app")
cloudformation: Any = importlib.import_module("ministack.services.cloudformation")
cloudformation_engine: Any = importlib.import_module("ministack.services.cloudformation.engine")
cloudformation_handlers: Any = importlib.import_module("ministack.services.cloudformation.handlers")
cloudformation_helpers: Any = importlib.import_module("ministack.services.cloudformation.helpers")
custom_resource: Any = importlib.import_module("ministack.services.cloudformation.custom_resource")
ec2: Any = importlib.import_module("ministack.services.ec2")
events: Any = importlib.import_module("ministack.services.eventbridge")
iam: Any = importlib.import_module("ministack.services.iam")
iam_actions: Any = importlib.import_module("ministack.core.iam_actions")
iam_evaluator: Any = importlib.import_module("ministack.core.iam_evaluator")
kms: Any = importlib.import_module("ministack.services.kms")
lambda_svc: Any = importlib.import_module("ministack.services.lambda_svc")
organizations: Any = importlib.import_module("ministack.services.organizations")
provisioners: Any = importlib.import_module("ministack.services.cloudformation.provisioners")
responses: Any = importlib.import_module("ministack.core.responses")
router: Any = importlib.import_module("ministack.core.router")
secretsmanager: Any = importlib.import_module("ministack.services.secretsmanager")
sigv4: Any = importlib.import_module("ministack.core.sigv4")
ssm: Any = importlib.import_module("ministack.services.ssm")
stacks: Any = importlib.import_module("ministack.services.cloudformation.stacks")
sts: Any = importlib.import_module("ministack.services.sts")
