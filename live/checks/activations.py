"""Checks of hybrid activations: their role, their limits and their life."""

import time
import uuid
from datetime import datetime, timedelta, timezone

from ssm_roles._facts.service_linked_roles import SERVICE_LINKED_ROLES

from ..check import check
from ..sandbox import Sandbox, expect, trust
from .service_linked_roles import Loan

_API = "https://docs.aws.amazon.com/systems-manager/latest/APIReference"
_CREATE = f"{_API}/API_CreateActivation.html"
_GUIDE = "https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-activation-managed-nodes.html"
_ROLE = "https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-service-role.html"
_FUNCTION = "ssm_roles/_lambda/functions/activations.py"
_SETTINGS = "ssm_roles/activation/settings.py"
_NAMES = "ssm_roles/nodes/activation_role_name.py"
_DAY = 24 * 3600


@check(
    "activation-missing-role",
    "`CreateActivation` rejects a role that doesn't exist with `ValidationException` and the text `Nonexistent role`.",
    _CREATE,
    _FUNCTION,
)
def missing_role(sandbox: Sandbox) -> str:
    """Create an activation with the name of no role."""
    with sandbox.expecting("ValidationException", text="existent role") as seen:
        sandbox.client("ssm").create_activation(IamRole=sandbox.run.name("missing"), Tags=sandbox.run.tag_list)
    return seen[0]


@check(
    "activation-untrusted-role",
    "`CreateActivation` rejects a role that doesn't trust `ssm.amazonaws.com` with `ValidationException`.",
    _ROLE,
    _FUNCTION,
    "ssm_roles/audit/checks/trust.py",
)
def untrusted_role(sandbox: Sandbox) -> str:
    """Create an activation with a role that trusts Amazon EC2."""
    role = sandbox.role("untrusted", trust(service="ec2.amazonaws.com"))
    with sandbox.expecting("ValidationException", text="trust policy") as seen:
        sandbox.client("ssm").create_activation(IamRole=role, Tags=sandbox.run.tag_list)
    return seen[0]


@check(
    "activation-role-arn",
    "`CreateActivation` doesn't accept the ARN of a role, only its path and name.",
    "https://github.com/aws/aws-cli/issues/4232",
    _NAMES,
)
def role_arn(sandbox: Sandbox) -> str:
    """Create an activation with the ARN of a role that would do."""
    role = sandbox.node_role("by-arn")
    sandbox.activation(role)
    with sandbox.expecting("InternalFailure", "InternalServerError", "ValidationException", "500") as seen:
        sandbox.client("ssm").create_activation(
            IamRole=sandbox.target.arn("iam", f"role/{role}"), Tags=sandbox.run.tag_list
        )
    return seen[0]


@check(
    "activation-role-with-path",
    "`CreateActivation` takes a role with a path as path and name, without the leading slash: `service-role/MyRole`.",
    _GUIDE,
    _NAMES,
    "ssm_roles/_iam/role_names.py",
)
def role_with_path(sandbox: Sandbox) -> str:
    """Create an activation with a role below `/service-role/`."""
    name = f"service-role/{sandbox.node_role('path', path='/service-role/')}"
    made = sandbox.activation(name)
    described = sandbox.described_activation(made["ActivationId"])
    return expect(described["IamRole"] == name, f"DescribeActivations returns IamRole {described['IamRole']}")


@check(
    "activation-role-without-its-path",
    "`CreateActivation` doesn't find a role with a path by its name alone.",
    _GUIDE,
    _NAMES,
)
def role_without_its_path(sandbox: Sandbox) -> str:
    """Create an activation with the bare name of a role that is known by its path and name."""
    role = sandbox.node_role("bare", path="/service-role/")
    sandbox.activation(f"service-role/{role}")
    with sandbox.expecting("ValidationException", text="existent role") as seen:
        sandbox.client("ssm").create_activation(IamRole=role, Tags=sandbox.run.tag_list)
    return seen[0]


@check(
    "activation-service-linked-role",
    "`CreateActivation` rejects a service-linked role.",
    _CREATE,
    "ssm_roles/_iam/role_names.py",
)
def service_linked_role(sandbox: Sandbox) -> str:
    """Create an activation with the service-linked role of Systems Manager."""
    role = Loan(sandbox, SERVICE_LINKED_ROLES["AMAZON_SSM"]).role
    with sandbox.expecting("ValidationException") as seen:
        name = role["Arn"].partition(":role/")[2]
        sandbox.client("ssm").create_activation(IamRole=name, Tags=sandbox.run.tag_list)
    return seen[0]


@check(
    "activation-longest-lifetime",
    "An activation can expire 30 days ahead, by the clock of Systems Manager, but no later.",
    _CREATE,
    _FUNCTION,
    _SETTINGS,
)
def longest_lifetime(sandbox: Sandbox) -> str:
    """Create an activation for 30 days less a minute, and try one for 31 days."""
    role = sandbox.node_role("lifetime")
    now = datetime.now(timezone.utc)
    made = sandbox.activation(role, ExpirationDate=now + timedelta(days=30, seconds=-60))
    expires = sandbox.described_activation(made["ActivationId"])["ExpirationDate"]
    expect((expires - now).total_seconds() > 29.9 * _DAY, f"the activation expires at {expires}")
    with sandbox.expecting("ValidationException") as seen:
        sandbox.client("ssm").create_activation(
            IamRole=role, ExpirationDate=now + timedelta(days=31), Tags=sandbox.run.tag_list
        )
    return seen[0]


@check(
    "activation-past-expiration",
    "`CreateActivation` rejects an expiration date in the past.",
    _CREATE,
    _FUNCTION,
)
def past_expiration(sandbox: Sandbox) -> str:
    """Create an activation that expired an hour ago."""
    role = sandbox.node_role("past")
    sandbox.activation(role)
    with sandbox.expecting("ValidationException") as seen:
        past = datetime.now(timezone.utc) - timedelta(hours=1)
        sandbox.client("ssm").create_activation(IamRole=role, ExpirationDate=past, Tags=sandbox.run.tag_list)
    return seen[0]


@check(
    "activation-defaults",
    "Without further parameters, an activation expires after 24 hours and registers one machine.",
    _CREATE,
    _SETTINGS,
)
def defaults(sandbox: Sandbox) -> str:
    """Create an activation with a role only."""
    made = sandbox.activation(sandbox.node_role("defaults"))
    described = sandbox.described_activation(made["ActivationId"])
    hours = (described["ExpirationDate"] - described["CreatedDate"]).total_seconds() / 3600
    evidence = f"it expires after {hours:.2f} hours, and its limit is {described['RegistrationLimit']}"
    return expect(abs(hours - 24) < 0.1 and described["RegistrationLimit"] == 1, evidence)


@check(
    "activation-registration-limit",
    "An activation registers at most 1,000 machines.",
    _CREATE,
    _SETTINGS,
)
def registration_limit(sandbox: Sandbox) -> str:
    """Create activations for 1,000 and 1,001 machines."""
    role = sandbox.node_role("limit")
    sandbox.activation(role, RegistrationLimit=1000)
    with sandbox.expecting("ValidationException") as seen:
        sandbox.client("ssm").create_activation(IamRole=role, RegistrationLimit=1001, Tags=sandbox.run.tag_list)
    return seen[0]


@check(
    "activation-text-lengths",
    "The description and the default instance name of an activation have at most 256 characters each.",
    _CREATE,
    _SETTINGS,
)
def text_lengths(sandbox: Sandbox) -> str:
    """Create activations with texts of 256 and 257 characters."""
    role = sandbox.node_role("texts")
    sandbox.activation(role, Description="d" * 256, DefaultInstanceName="n" * 256)
    seen = []
    for name in ("Description", "DefaultInstanceName"):
        with sandbox.expecting("ValidationException") as errors:
            sandbox.client("ssm").create_activation(IamRole=role, Tags=sandbox.run.tag_list, **{name: "x" * 257})
        seen += errors
    return "; ".join(seen)


@check(
    "activation-code-is-returned-once",
    "Only `CreateActivation` returns the code of an activation, `DescribeActivations` doesn't.",
    f"{_API}/API_DescribeActivations.html",
    "ssm_roles/audit/account/model.py",
    "ssm_roles/_lambda/functions/rotate_hybrid_activation.py",
)
def code_is_returned_once(sandbox: Sandbox) -> str:
    """Look for the code in what `DescribeActivations` returns."""
    made = sandbox.activation(sandbox.node_role("code"))
    described = sandbox.described_activation(made["ActivationId"])
    expect(described["ActivationId"] == made["ActivationId"], "DescribeActivations returns another activation")
    expect(made["ActivationCode"] not in str(described), "DescribeActivations returns the code")
    return f"DescribeActivations returns {', '.join(sorted(described))}"


@check(
    "activation-is-listed-soon",
    "`DescribeActivations` lists a new activation within 30 seconds.",
    f"{_API}/API_DescribeActivations.html",
    "ssm_roles/_lambda/functions/rotate_hybrid_activation.py",
)
def is_listed_soon(sandbox: Sandbox) -> str:
    """Measure how long it takes until a new activation is listed."""
    made = sandbox.activation(sandbox.node_role("listed"))
    begun = time.monotonic()
    described = sandbox.described_activation(made["ActivationId"])
    expect(described["Description"] == sandbox.run.id, f"its description is {described['Description']}")
    return f"it was listed after {time.monotonic() - begun:.1f} s"


@check(
    "activation-knows-a-new-role",
    "`CreateActivation` finds a role at most 120 seconds after its creation.",
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html",
    "ssm_roles/_lambda/functions/rotate_hybrid_activation.py",
    seconds=30,
)
def knows_a_new_role(sandbox: Sandbox) -> str:
    """Measure how long it takes until an activation can have a new role."""
    role = sandbox.node_role("new")
    begun = time.monotonic()
    sandbox.activation(role)
    return f"the role was known after {time.monotonic() - begun:.1f} s"


@check(
    "activation-deletion-of-a-missing-one",
    "`DeleteActivation` of an activation that doesn't exist fails with `InvalidActivation` or `InvalidActivationId`.",
    f"{_API}/API_DeleteActivation.html",
    _FUNCTION,
)
def deletion_of_a_missing_one(sandbox: Sandbox) -> str:
    """Delete an activation twice."""
    made = sandbox.activation(sandbox.node_role("twice"))
    sandbox.client("ssm").delete_activation(ActivationId=made["ActivationId"])
    with sandbox.expecting("InvalidActivation", "InvalidActivationId") as seen:
        sandbox.client("ssm").delete_activation(ActivationId=made["ActivationId"])
    with sandbox.expecting("InvalidActivation", "InvalidActivationId") as unknown:
        sandbox.client("ssm").delete_activation(ActivationId=str(uuid.uuid4()))
    return "; ".join([*seen, *unknown])


CHECKS = (
    missing_role,
    untrusted_role,
    role_arn,
    role_with_path,
    role_without_its_path,
    service_linked_role,
    longest_lifetime,
    past_expiration,
    defaults,
    registration_limit,
    text_lengths,
    code_is_returned_once,
    is_listed_soon,
    knows_a_new_role,
    deletion_of_a_missing_one,
)
