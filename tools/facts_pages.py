"""Write docs/facts: what AWS documents about service-linked roles and service roles, from the data of the project."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from ssm_roles._facts.managed_policies import MANAGED_POLICIES, managed_policy_page
from ssm_roles._facts.service_linked_role_catalog import CatalogedRole, cataloged_roles
from ssm_roles._facts.service_linked_roles import READ_ON, SERVICE_LINKED_ROLES, ServiceLinkedRoleFacts

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "facts"
_DATA = ROOT / "tests" / "unit" / "data"
_CATALOG = ROOT / "ssm_roles" / "_facts" / "service_linked_role_catalog.json"
_REPOSITORY = "https://github.com/ssm-roles/ssm-roles/blob/main"
_WRITTEN = "<!-- `make pages` writes this page. -->"

_INDEX = """\
# Facts

{written}

These pages show what AWS documents about the roles that Systems Manager uses, with the page of AWS and the day on which
it was read. The library, its tests and its audit use the same data.

| page | content | read on |
|---|---|---|
| [Service-linked roles](service-linked-roles.md) | {own} roles of Systems Manager, and the roles of {other} other \
service principals | {linked_date} |
| [Service roles](service-roles.md) | {documented} roles and permissions that AWS documents, and how the constructs of \
this library differ from them | {service_date} |

To change a fact, change the data and run `make pages`:

* [`service_linked_roles.py`]({repository}/ssm_roles/_facts/service_linked_roles.py): roles of Systems Manager
* [`service_linked_role_catalog.json`]({repository}/ssm_roles/_facts/service_linked_role_catalog.json): roles of other
  services
* [`service-roles.json`]({repository}/tests/unit/data/service-roles.json): service roles. The tests compare the
  constructs with them
* [`service-role-differences.json`]({repository}/tests/unit/data/service-role-differences.json): each difference between
  a construct and AWS's documentation, with its reason
"""

_LINKED = """\
# Service-linked roles

{written}

AWS predefines a service-linked role and owns its permissions. An account has each role once, and the ARN is
`arn:PARTITION:iam::ACCOUNT:role/aws-service-role/SERVICE_PRINCIPAL/ROLE_NAME`.
[AWS describes service-linked roles in the IAM user
guide](https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html), and those of Systems Manager
in [the user guide of Systems
Manager](https://docs.aws.amazon.com/systems-manager/latest/userguide/using-service-linked-roles.html).
[Which role do I need?](../which-role.md) says which task needs which role.

## Roles of Systems Manager

The pages of AWS were read on {date}. `ServiceLinkedRoleType` has a constant for each role.

"""

_UNKNOWN = """\
### Roles without a known name

AWS has published the policy
[AWSAppConfigServiceRolePolicy](https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSAppConfigServiceRolePolicy.html)
of a service-linked role of AWS AppConfig, but neither the name of the role nor its service principal. The library has
no constant for it.

## Roles of other services

The roles that at least two independent public sources name, as of {date}. `ServiceLinkedRoleType.of_service` looks them
up by service principal. [Sources](#sources) explains the last column. If AWS has a page that names the role, the name
links to it.
"""

_SERVICE = """\
# Service roles

{written}

You create a service role, and pass it to Systems Manager. This page shows each role that AWS documents, and how the
construct of this library differs from it. The tests compare both, so that no other difference exists.

Text in braces, such as `{{account}}`, is a placeholder. **Unverified** means that no page of AWS that could be read
shows it. **Required** policies are those that AWS attaches in its instructions, **optional** ones depend on the task.
[Which role do I need?](../which-role.md) says which task needs which role.
"""


_POLICIES = """\
## What AWS managed policies allow

The AWS managed policies that roles of Systems Manager often have, in words, as of 2026-11. AWS can change a managed
policy at any time. Each name links to AWS's reference, which has the policy document. [The report](../topics/report.md)
uses these words.
"""


def pages() -> dict[str, str]:
    """Return the text of each page, by file name."""
    facts: list[dict[str, Any]] = json.loads((_DATA / "service-roles.json").read_text(encoding="utf-8"))
    differences = json.loads((_DATA / "service-role-differences.json").read_text(encoding="utf-8"))
    catalog = json.loads(_CATALOG.read_text(encoding="utf-8"))
    days = sorted({fact["read"] for fact in facts})
    index = _INDEX.format(
        written=_WRITTEN,
        repository=_REPOSITORY,
        own=len(SERVICE_LINKED_ROLES),
        other=len(cataloged_roles()),
        documented=len(facts),
        linked_date=READ_ON,
        service_date=" to ".join(dict.fromkeys((days[0], days[-1]))),
    )
    return {
        "index.md": index,
        "service-linked-roles.md": "\n".join(_linked_page(catalog)) + "\n",
        "service-roles.md": "\n".join(_service_page(facts, differences)) + "\n",
    }


def _linked_page(catalog: dict[str, Any]) -> Iterator[str]:
    yield _LINKED.format(written=_WRITTEN, date=READ_ON).removesuffix("\n")
    for role in SERVICE_LINKED_ROLES.values():
        yield f"* [{role.role_name}](#{role.role_name.lower()}): {role.feature}"
    yield ""
    for constant, role in SERVICE_LINKED_ROLES.items():
        yield from _own_role(constant, role)
    yield _UNKNOWN.format(date=catalog["asOf"])
    for letter, group in groupby(cataloged_roles().items(), key=lambda each: each[0][0].upper()):
        yield f"### {letter}\n"
        yield "| service principal | role, and its managed policy | sources |\n|---|---|---|"
        for principal, roles in group:
            yield from (f"| `{principal}` | {_cataloged(role)} | {', '.join(role.sources)} |" for role in roles)
        yield ""
    yield "## Sources\n\n| source | what it is |\n|---|---|"
    for name, source in catalog["sources"].items():
        yield f"| {name} | [{source['what']}]({source['url']}) |"


def _own_role(constant: str, role: ServiceLinkedRoleFacts) -> Iterator[str]:
    yield f"### {role.role_name}\n"
    yield f"* **Constant:** `ServiceLinkedRoleType.{constant}`"
    yield f"* **Service principal:** `{role.service_principal}`"
    yield f"* **Managed policy:** {_policy_link(role.managed_policy_name)}"
    yield f"* **Feature:** {role.feature}{', closed to new customers' if role.closed_to_new_customers else ''}"
    yield f"* **Created:** {role.created_by}"
    yield f"* **Before you delete it:** {role.deletion_prerequisites}"
    if role.caveats:
        yield f"* **Doubts:** {' '.join(_linked_addresses(each) for each in role.caveats)}"
    yield f"* **Source:** [AWS's page]({role.documentation_url}), read on {READ_ON}\n"


def _cataloged(role: CatalogedRole) -> str:
    name = f"`{role.role_name}`"
    parts = [name if role.documentation_url is None else f"[{name}]({role.documentation_url})"]
    if role.managed_policy_name is not None:
        parts.append(_policy_link(role.managed_policy_name))
    if role.accepts_custom_suffix:
        parts.append("accepts a custom suffix")
    return "<br>".join(parts)


def _policy_link(name: str) -> str:
    return f"[{name}]({managed_policy_page(name)})"


def _linked_addresses(text: str) -> str:
    return re.sub(r"https://\S+", lambda found: f"[{found[0].removeprefix('https://')}]({found[0]})", text)


def _service_page(facts: list[dict[str, Any]], differences: dict[str, Any]) -> Iterator[str]:
    yield _SERVICE.format(written=_WRITTEN)
    titles = {fact["key"]: fact["title"] for fact in facts}
    for section, group in groupby(facts, key=lambda fact: str(fact["section"])):
        yield f"## {section}\n"
        for fact in group:
            yield from _documented(fact, titles)
            yield from _held(fact["key"], differences)
    yield _POLICIES
    for name, phrases in MANAGED_POLICIES.items():
        yield f"* {_policy_link(name)}: {'; '.join(_lower(each) for each in phrases)}"


def _documented(fact: dict[str, Any], titles: dict[str, str]) -> Iterator[str]:
    yield f"### {fact['title']}\n"
    names = [fact["default_role_name"], *fact.get("variants", [])]
    if names[0] is not None:
        yield f"* **Name in AWS's documentation:** {', '.join(map(_code_first, names))}"
    if "path" in fact:
        yield f"* **Path:** {_code_first(fact['path'])}"
    yield f"* **Trusts:** {', '.join(map(_code_first, fact['principals']))}"
    yield f"* **Conditions of the trust policy:** {'; '.join(_conditions(fact['trust_conditions'])) or 'none'}"
    for kind, arns in fact["managed_policies"].items():
        if arns:
            yield f"* **{kind.capitalize()} managed policies:** {', '.join(map(_policy_of_arn, arns))}"
    if "required_tags" in fact:
        yield f"* **Tags:** {', '.join(f'`{key}={value}`' for key, value in fact['required_tags'].items())}"
    if "notes" in fact:
        yield f"* **Notes:** {' '.join(fact['notes'])}"
    yield f"* **Source:** [AWS's page]({fact['source_url']}), read on {fact['read']}\n"
    if fact["extra_statements"]:
        beyond = any(fact["managed_policies"].values())
        yield f"Permissions{' beyond the managed policies' if beyond else ''}:\n"
        # Several statements can refer to one other role.
        yield from dict.fromkeys(_statement(each, titles) for each in fact["extra_statements"])
        yield ""


def _statement(statement: dict[str, Any], titles: dict[str, str]) -> str:
    if "same_as" in statement:
        title = titles[statement["same_as"].partition(".")[0]]
        anchor = re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        return f"* the permissions of [{title}](#{anchor})"
    note = statement.get("note", "")
    if "Action" not in statement:
        return f"* {note}"
    text = f"* {', '.join(f'`{each}`' for each in statement['Action'])}"
    if "Resource" in statement:
        text += f" on {', '.join(map(_resource, _listed(statement['Resource'])))}"
    if "Condition" in statement:
        text += f", if {'; '.join(_conditions(statement['Condition']))}"
    return f"{text}. {note}." if note else text


def _held(key: str, differences: dict[str, Any]) -> Iterator[str]:
    if key in differences["without"]:
        yield f"No construct of its own. {differences['without'][key]}.\n"
    for title, construct in differences["constructs"].items():
        if construct["fact"] != key:
            continue
        name, _, variant = title.partition(" ")
        shown = f"`{name.removesuffix(',')}`{',' if name.endswith(',') else ''} {variant}".rstrip()
        if not construct["differs"]:
            yield f"{shown} is as documented.\n"
            continue
        yield f"{shown} differs:\n"
        by_reason: dict[str, dict[str, list[str]]] = {}
        for difference, reason in construct["differs"].items():
            before, name, after = _in_words(difference)
            by_reason.setdefault(reason, {}).setdefault(f"{before}%{after}", []).append(f"`{name}`")
        for reason, found in by_reason.items():
            words = "; ".join(form.replace("%", ", ".join(names)) for form, names in found.items())
            yield f"* It {words}. {reason}."
        yield ""


# The words before and after the name that a difference is about.
_WORDS = (
    (r"trust lacks (?:AWS: )?(?P<name>.+)", "doesn't name ", " as a principal"),
    (r"trust of (?:AWS: )?(?P<name>.+) beyond", "also trusts ", ""),
    (r"trust of (?:AWS: )?(?P<by>.+): (?P<name>\S+) added", "trusts `{by}` only with the condition ", ""),
    (r"trust of (?:AWS: )?(?P<by>.+): (?P<name>\S+) narrower", "trusts `{by}` for fewer values of ", ""),
    (r"lacks policy (?P<name>.+)", "doesn't attach ", ""),
    (r"lacks (?P<name>.+)", "doesn't allow ", ""),
    (r"(?P<name>\S+): condition (?P<by>\S+) added", "allows ", " only with the condition `{by}`"),
    (r"(?P<name>\S+): narrower", "allows ", " for fewer resources"),
    (r"(?P<name>\S+): fewer resources", "allows ", " for one kind of resource"),
    (r"(?P<name>\S+) beyond", "also allows ", ""),
)


def _in_words(difference: str) -> tuple[str, str, str]:
    """Return the words before a name, the name, and the words after it."""
    for pattern, before, after in _WORDS:
        found = re.fullmatch(pattern, difference)
        if found is not None:
            groups = found.groupdict()
            return before.format(**groups), groups["name"], after.format(**groups)
    raise ValueError(f"no words for the difference {difference!r}")


_LABELS = {
    "root_statement": "for roles of the account",
    "ssm_statement": "for `ssm.amazonaws.com`",
    "statement_1": "for the session tags",
    "statement_2": "for `sts:AssumeRole`",
    "bucket_PutObject": "in the policy of the bucket",
    "kms": "in the policy of the key",
    "assume": "of the assume role",
    "federation": "of the federation role",
}


def _conditions(conditions: object) -> Iterator[str]:
    """Yield each condition. Those of several statements have labels."""
    if isinstance(conditions, str):
        yield conditions
    for name, keys in conditions.items() if isinstance(conditions, dict) else ():
        if name in _LABELS:
            yield from (f"{each}, {_LABELS[name]}" for each in _conditions(keys))
        elif name != "Action":
            for key, values in keys.items():
                yield f"`{name}` of `{key}`: {', '.join(f'`{value}`' for value in _listed(values))}"


def _code_first(text: str) -> str:
    """Return a text with its first word as code: the rest are words about it."""
    first, _, rest = text.removeprefix("AWS: ").partition(" ")
    return f"`{first}` {rest}".rstrip()


def _resource(text: str) -> str:
    return _code_first(text) if re.match(r"\*|arn:|\{", text) else text


def _policy_of_arn(text: str) -> str:
    arn, _, rest = text.partition(" ")
    return f"{_policy_link(arn.rpartition('/')[2])} {rest}".rstrip()


def _lower(phrase: str) -> str:
    return phrase[0].lower() + phrase[1:]


def _listed(value: object) -> list[str]:
    return [str(each) for each in (value if isinstance(value, list) else [value])]


def main() -> None:
    """Write all pages."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
