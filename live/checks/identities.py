"""Checks of IAM: names, quotas and trust policies."""

import json

from ssm_roles._facts.iam_limits import (
    INLINE_POLICIES,
    MANAGED_POLICIES_PER_ROLE,
    MANAGED_POLICY,
    ROLE_NAME_LENGTH,
    TRUST_POLICY,
)

from ..check import check
from ..sandbox import Sandbox, expect, trust

_QUOTAS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
_IDENTIFIERS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html"
_CREATE = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html"
_LIMITS = "ssm_roles/_facts/iam_limits.py"


@check(
    "role-name-length",
    f"The name of a role has at most {ROLE_NAME_LENGTH} characters.",
    _CREATE,
    _LIMITS,
    "ssm_roles/_iam/role_names.py",
)
def role_name_length(sandbox: Sandbox) -> str:
    """Create roles whose names have the longest length, and one more character."""
    padding = "x" * (ROLE_NAME_LENGTH - len(sandbox.run.name("")))
    sandbox.role(padding, trust())
    with sandbox.expecting("ValidationError") as seen:
        sandbox.role(f"{padding}x", trust())
    return seen[0]


@check(
    "role-names-ignore-case",
    "Role names are unique in an account regardless of their case.",
    _CREATE,
    "ssm_roles/_iam/fixed_names.py",
)
def role_names_ignore_case(sandbox: Sandbox) -> str:
    """Create two roles whose names differ in case only."""
    sandbox.role("case", trust())
    with sandbox.expecting("EntityAlreadyExists") as seen:
        sandbox.role("CASE", trust())
    return seen[0]


@check(
    "role-name-is-reserved",
    "IAM reserves names that begin with `AWSServiceRoleFor` for service-linked roles.",
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html",
    "ssm_roles/_iam/role_names.py",
    "ssm_roles/audit/checks/service_linked.py",
)
def role_name_is_reserved(sandbox: Sandbox) -> str:
    """Create a plain role with such a name."""
    name, iam = "AWSServiceRoleForNothingOfSsmRoles", sandbox.client("iam")
    sandbox.not_on_emulator("reserve names of roles")
    with sandbox.expecting("InvalidInput", "ValidationError", "InvalidInputException", "AccessDenied") as seen:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust()), Tags=sandbox.run.tag_list)
        sandbox.created(f"role {name}", lambda: iam.delete_role(RoleName=name))
    return seen[0]


@check(
    "role-path-is-reserved",
    "IAM reserves the path `/aws-service-role/` for service-linked roles.",
    _IDENTIFIERS,
    "ssm_roles/_iam/role_names.py",
)
def role_path_is_reserved(sandbox: Sandbox) -> str:
    """Create a plain role with this path."""
    sandbox.not_on_emulator("reserve paths of roles")
    with sandbox.expecting("InvalidInput", "ValidationError", "AccessDenied") as seen:
        sandbox.role("reserved", trust(), path="/aws-service-role/ssm.amazonaws.com/")
    return seen[0]


@check(
    "iam-quotas",
    f"A role has at least {MANAGED_POLICIES_PER_ROLE} managed policies, {TRUST_POLICY:,} characters of trust policy, "
    f"and {INLINE_POLICIES['role']:,} of inline policies; a managed policy has {MANAGED_POLICY:,}.",
    _QUOTAS,
    _LIMITS,
    "ssm_roles/_iam/quotas.py",
)
def iam_quotas(sandbox: Sandbox) -> str:
    """Read the quotas of the account."""
    sandbox.not_on_emulator("tell quotas as AWS does")
    summary = sandbox.client("iam").get_account_summary()["SummaryMap"]
    found = {
        "AttachedPoliciesPerRoleQuota": MANAGED_POLICIES_PER_ROLE,
        "AssumeRolePolicySizeQuota": TRUST_POLICY,
        "PolicySizeQuota": MANAGED_POLICY,
    }
    evidence = ", ".join(f"{name} {summary.get(name)}" for name in found)
    return expect(all(summary.get(name, 0) >= least for name, least in found.items()), evidence)


@check(
    "trust-policy-size",
    f"IAM refuses a trust policy of more characters than its quota, which is {TRUST_POLICY:,} by default, with "
    "`LimitExceeded`.",
    _QUOTAS,
    _LIMITS,
    "ssm_roles/_iam/quotas.py",
)
def trust_policy_size(sandbox: Sandbox) -> str:
    """Create a role whose trust policy exceeds the highest quota."""
    sandbox.not_on_emulator("limit the size of trust policies")
    sources = [f"arn:{sandbox.target.partition}:ssm:*:{number:012}:*" for number in range(300)]
    with sandbox.expecting("LimitExceeded", text="ACLSizePerRole") as seen:
        sandbox.role("large-trust", trust({"ArnLike": {"aws:SourceArn": sources}}))
    return seen[0]


@check(
    "inline-policies-size",
    f"IAM refuses more than {INLINE_POLICIES['role']:,} characters of inline policies of a role, without white space, "
    "with `LimitExceeded`.",
    _QUOTAS,
    _LIMITS,
    "ssm_roles/_iam/policy_sizes.py",
)
def inline_policies_size(sandbox: Sandbox) -> str:
    """Put a policy with much white space, and one that is too large."""
    sandbox.not_on_emulator("limit the size of inline policies")
    role, iam = sandbox.role("large-policy", trust()), sandbox.client("iam")
    statement = {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}
    spaced = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=4000)
    iam.put_role_policy(RoleName=role, PolicyName="Spaced", PolicyDocument=spaced)
    large = {**statement, "Resource": [sandbox.target.arn("ssm", f"parameter/{number:050}") for number in range(120)]}
    with sandbox.expecting("LimitExceeded") as seen:
        document = json.dumps({"Version": "2012-10-17", "Statement": [large]}, separators=(",", ":"))
        iam.put_role_policy(RoleName=role, PolicyName="Large", PolicyDocument=document)
    return f"{len(spaced):,} characters with white space were accepted; {seen[0]}"


@check(
    "trust-policy-principal-exists",
    "IAM refuses a trust policy that names a role which doesn't exist, and accepts its ARN in a condition.",
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html",
    "ssm_roles/_iam/principals.py",
)
def trust_policy_principal_exists(sandbox: Sandbox) -> str:
    """Name a missing role in a condition, and as a principal."""
    missing = sandbox.target.arn("iam", f"role/{sandbox.run.name('missing')}")
    statement = {"Effect": "Allow", "Principal": {"AWS": sandbox.target.arn("iam", "root")}, "Action": "sts:AssumeRole"}
    condition = {"ArnLike": {"aws:PrincipalArn": missing}}
    sandbox.role("condition", {"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition}]})
    sandbox.not_on_emulator("check that principals exist")
    with sandbox.expecting("MalformedPolicyDocument", text="principal") as seen:
        sandbox.role(
            "principal", {"Version": "2012-10-17", "Statement": [{**statement, "Principal": {"AWS": missing}}]}
        )
    return seen[0]


@check(
    "account-root-can-be-limited",
    "`ArnLike` on `aws:PrincipalArn` limits the principals that a trust policy with the account's root user trusts.",
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html",
    "ssm_roles/_iam/principals.py",
    seconds=60,
)
def account_root_can_be_limited(sandbox: Sandbox) -> str:
    """Assume a role as the role that its condition names, and as another one."""
    root = sandbox.target.arn("iam", "root")
    name = sandbox.run.name("named")
    condition = {"ArnLike": {"aws:PrincipalArn": sandbox.target.arn("iam", f"role/{name}")}}
    statement = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "sts:AssumeRole", "Condition": condition}
    target = sandbox.role("limited", {"Version": "2012-10-17", "Statement": [statement]})
    arn = sandbox.target.arn("iam", f"role/{target}")
    assume = [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arn}]
    named, other = sandbox.caller("named", assume), sandbox.caller("unnamed", assume)
    session = sandbox.client("sts", credentials=named).assume_role(RoleArn=arn, RoleSessionName="live")
    expect(session["AssumedRoleUser"]["Arn"].split("/")[1] == target, "the named role assumes another one")
    with sandbox.expecting("AccessDenied", text="sts:AssumeRole") as seen:
        sandbox.client("sts", credentials=other).assume_role(RoleArn=arn, RoleSessionName="live")
    return seen[0]


CHECKS = (
    role_name_length,
    role_names_ignore_case,
    role_name_is_reserved,
    role_path_is_reserved,
    iam_quotas,
    trust_policy_size,
    inline_policies_size,
    trust_policy_principal_exists,
    account_root_can_be_limited,
)
