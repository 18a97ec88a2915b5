"""Write docs/reference/checks.md: the catalog of the checks, from the checks themselves."""

from collections.abc import Iterator
from pathlib import Path

from ssm_roles.audit.account.account_check import AnyCheck
from ssm_roles.audit.account.all_checks import ALL_ACCOUNT_CHECKS
from ssm_roles.audit.check import Check
from ssm_roles.audit.checks import ALL_CHECKS

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "checks.md"
TEMPLATES = "tests/unit/audit/templates"
REPOSITORY = "https://github.com/ssm-roles/ssm-roles/blob/main"

INTRODUCTION = """\
# Checks

<!-- `make pages` writes this page. -->

[`ssm-roles check`](../topics/audit.md) and the plugins run the checks of templates.
[`ssm-roles account`](../topics/account.md) also runs them on the roles of an account, with the checks that require
an account. `ssm-roles rules` prints this list.

An **error** fails at deployment or at run time, or is open to other accounts. A **warning** allows more than the task
needs, or fails in some accounts. An **informational** finding is worth knowing, and hidden without `--info`.

## How the purpose of a role is determined

Most checks depend on the purpose of a role. The first of the following that applies determines it:

1. What refers to the role: an instance profile, a task of a maintenance window, the assume role of a runbook, an
   association or a remediation of AWS Config, a setting for Default Host Management, a connector, or an activation.
2. The source in its trust policy, such as `automation-execution/*`.
3. A name that AWS gives, such as `AWSSystemsManagerDefaultEC2InstanceManagementRole`.
4. Its AWS managed policies, such as `AmazonSSMAutomationRole`, and the actions that only SSM Agent needs.
5. Its name, such as `PatchAutomationRole`.

A role that trusts `ec2.amazonaws.com` is also judged as a role of nodes, unless the first two determine another
purpose and no instance profile has it. `ssm:*` on a node is reported by NODE3 only. Policies of administrators,
such as `iam:*` or `*`, aren't judged: other tools report them.

## All checks
"""


def page() -> str:
    """Return the text of the page."""
    return "\n".join((INTRODUCTION, *_table(), "", *_sections())) + "\n"


def _table() -> Iterator[str]:
    yield "| check | severity | what is wrong |"
    yield "|---|---|---|"
    checks: list[AnyCheck] = [*ALL_CHECKS, *ALL_ACCOUNT_CHECKS]
    for check in checks:
        yield f"| [{check.id}](#{check.id.lower()}) | {check.severity} | {check.title} |"


def _sections() -> Iterator[str]:
    yield "## Templates and roles"
    for check in ALL_CHECKS:
        yield from _section(check)
        kind = next(path.suffix for path in sorted((ROOT / TEMPLATES / "bad").glob(f"{check.id}.*")))
        yield (
            f"Templates: [with the mistake]({REPOSITORY}/{TEMPLATES}/bad/{check.id}{kind}), "
            f"[without it]({REPOSITORY}/{TEMPLATES}/good/{check.id}{kind}). Rule of cfn-lint: `{check.cfn_lint_id}`.\n"
        )
    yield "## Accounts"
    for each in ALL_ACCOUNT_CHECKS:
        yield from _section(each)


def _section(check: AnyCheck) -> Iterator[str]:
    yield f"\n### {check.id}\n"
    yield f"**{check.title}** ({check.severity}).\n"
    yield f"{check.risk}\n"
    yield f"{check.remedy} See [the AWS documentation]({check.documentation_url}).\n"
    if check.example:
        kind = "json" if isinstance(check, Check) else "text"
        yield f"```{kind}\n{check.example}\n```\n"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
