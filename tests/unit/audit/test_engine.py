"""The engine takes any value, ends soon, and says where each finding is."""

from __future__ import annotations

import copy
import functools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ssm_roles
from ssm_roles.audit import documents, engine
from ssm_roles.audit.check import Finding
from ssm_roles.audit.checks import ALL_CHECKS

from .bounded_work import bounded_work

PACKAGE = Path(ssm_roles.__file__).resolve().parent
TEMPLATES = Path(__file__).parent / "templates"
DEEP = 500

FIXTURES = [documents.read(path).body for path in sorted(TEMPLATES.glob("*/*.*")) if path.parent.name != "variants"]

FUNCTIONS = [
    *("Ref", "Condition", "Fn::If", "Fn::Sub", "Fn::Join", "Fn::GetAtt", "Fn::Select", "Fn::Split", "Fn::FindInMap"),
    *("Fn::ImportValue", "Fn::ToJsonString", "Fn::Base64", "Fn::Transform", "Fn::ForEach::Loop", "Fn::And", "Fn::Not"),
]
NAMES = ["Type", "Properties", "Statement", "Principal", "Action", "Resource", "Condition", "NodeRole", "AWS::NoValue"]
TEXTS = [
    *("", "*", "${", "${AWS::Region}", "arn:aws:iam::111122223333:role/x", "::::::", "ssm.amazonaws.com", "iam:*"),
    *('{"Statement": [1]}', "\ue000\ue001", "AWS::IAM::Role", "{{resolve:ssm:x}}", "Allow"),
    "Resources: {a: {Type: 'AWS::X::Y'}}",
]

numbers = st.integers(-9, 10**20) | st.floats()
scalars = st.none() | st.booleans() | numbers | st.text(max_size=9) | st.sampled_from(TEXTS)
keys = st.sampled_from([*FUNCTIONS, *NAMES]) | st.text(max_size=9)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)


def paths(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the places of all parts of a value, but not of the whole."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in entries:
        yield (*path, key)
        yield from paths(each, (*path, key))


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    return functools.reduce(lambda part, key: part[key], path, value)


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """Draw a template of the tests in which a few parts are replaced, moved or removed."""
    template = copy.deepcopy(draw(st.sampled_from(FIXTURES)))
    for _ in range(draw(st.integers(1, 4))):
        places = list(paths(template))
        if not places:
            break
        *above, key = draw(st.sampled_from(places))
        parent = at(template, tuple(above))
        how = draw(st.sampled_from(["replace", "wrap", "move", "remove"]))
        if how == "replace":
            parent[key] = draw(values)
        elif how == "wrap":
            parent[key] = {draw(st.sampled_from(FUNCTIONS)): parent[key]}
        elif how == "move":
            parent[key] = copy.deepcopy(at(template, draw(st.sampled_from(places))))
        else:
            del parent[key]
    return template


def leads_somewhere(body: Any, finding: Finding) -> bool:
    """Whether the path of a finding exists, up to a text with a template in it."""
    for key in finding.path:
        if isinstance(body, dict):
            if key not in body:
                return False
        elif not (isinstance(body, list) and isinstance(key, int) and 0 <= key < len(body)):
            return False
        body = body[key]
    return finding.line_in_text is None or isinstance(body, (str, dict, list))


def check(body: Any) -> list[Finding]:
    """Check a value in every way, and return the findings."""
    before = repr(body)
    found = engine.check_template(body)
    assert isinstance(engine.is_template(body), bool)
    assert set(engine.check_shared_names({"One": body, "Other": body})) <= {"Other", "One"}
    assert repr(body) == before
    assert [each for each in found if not leads_somewhere(body, each)] == []
    return found


@given(values)
def test_any_value_is_checked(body: Any) -> None:
    check(body)


@given(st.dictionaries(keys, st.fixed_dictionaries({"Type": st.sampled_from(TEXTS), "Properties": values})))
def test_any_resources_are_checked(resources: Mapping[str, Any]) -> None:
    check({"Resources": resources, "Conditions": resources, "Parameters": resources, "Mappings": resources})


@settings(max_examples=60)
@given(mutated())
def test_a_template_with_any_part_replaced_is_checked(body: Any) -> None:
    check(body)


@pytest.mark.deep
@given(mutated())
def test_many_templates_with_any_part_replaced_are_checked(body: Any) -> None:
    check(body)


def role(**properties: Any) -> dict[str, Any]:
    trust = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    }
    core = {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"}
    own = {"AssumeRolePolicyDocument": trust, "ManagedPolicyArns": [core], **properties}
    return {"Type": "AWS::IAM::Role", "Properties": own}


def template(**resources: Any) -> dict[str, Any]:
    return {"Resources": resources}


def nested(value: Any, wrap: Callable[[Any], Any], times: int) -> Any:
    for _ in range(times):
        value = wrap(value)
    return value


def with_conditions(conditions: dict[str, Any]) -> dict[str, Any]:
    return {"Conditions": conditions, **template(Role=role(RoleName={"Fn::If": ["A", "a", "b"]}))}


def loops(count: int, body: dict[str, Any] | None = None) -> dict[str, Any]:
    many = [str(number) for number in range(1000)]
    found: dict[str, Any] = {"R${I}": role() if body is None else body}
    for _ in range(count):
        found = {"Fn::ForEach::L": ["I", many, found]}
    return found


FOUND_IN_MAP = {"Fn::FindInMap": ["M", "a", "b"]}


def with_statements(*statements: Any, **properties: Any) -> dict[str, Any]:
    return role(Policies=[{"PolicyName": "Own", "PolicyDocument": {"Statement": [*statements]}}], **properties)


def passing(pattern: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": [pattern, "iam:PassRole"], "Resource": [pattern]}
    return role(Policies=[{"PolicyName": "Pass", "PolicyDocument": {"Statement": [statement]}}])


HOSTILE = {
    "conditions that refer to each other": with_conditions(
        {"A": {"Fn::Or": [{"Condition": "B"}] * 9}, "B": {"Fn::And": [{"Condition": "A"}] * 9}}
    ),
    "a condition that refers to itself": with_conditions({"A": {"Fn::If": ["A", *[{"Condition": "A"}] * 9]}}),
    "a chain of conditions": with_conditions(
        {"A": {"Condition": "C0"}, **{f"C{n}": {"Fn::And": [{"Condition": f"C{n + 1}"}] * 9} for n in range(60)}}
    ),
    "many alternatives in a text": template(
        Role=role(RoleName={"Fn::Join": ["", [{"Fn::If": [f"C{number}", "a", "b"]} for number in range(500)]]})
    ),
    "many variables": template(Role=role(RoleName={"Fn::Sub": ["${A}" * 500, {"A": {"Fn::If": ["C", "a", "b"]}}]})),
    "JSON in JSON": template(
        Role=role(AssumeRolePolicyDocument=nested({}, lambda inner: {"Fn::ToJsonString": inner}, 90))
    ),
    "alternatives in alternatives": template(
        Role=role(RoleName=nested("a", lambda inner: {"Fn::If": ["C", inner, "b"]}, 90))
    ),
    "loops in loops": {"Resources": loops(90)},
    "a mapping that refers to itself": {
        "Mappings": {"M": {"a": {"b": [FOUND_IN_MAP] * 10}}},
        **template(Role=role(RoleName=FOUND_IN_MAP)),
    },
    "large resources in loops": {"Resources": loops(2, role(Tags=["a" * 100] * 2_000))},
    "many permissions to pass a role": template(
        Role=with_statements(
            *[{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}] * 3_000,
            {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "*"},
        )
    ),
    "many roles that each may pass its own": template(
        **{
            f"R{number}": with_statements(
                {
                    "Effect": "Allow",
                    "Action": ["iam:PassRole", "ssm:RegisterManagedInstance"],
                    "Resource": f"arn:aws:iam::111122223333:role/n{number}",
                },
                RoleName=f"n{number}",
            )
            for number in range(1_000)
        }
    ),
    "many references to a role": template(
        Role=role(),
        Custom={"Type": "Custom::X", "Properties": {f"K{number}": {"Ref": "Role"} for number in range(5_000)}},
    ),
    "many texts beside many names": template(
        Custom={"Type": "Custom::X", "Properties": {"List": ["a/b"] * 50_000}},
        **{f"R{number}": role(RoleName=f"n{number}") for number in range(500)},
    ),
    "one policy for a role many times": template(
        Policy={
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "PolicyName": "Pass",
                "Roles": ["Nodes"] * 50_000,
                "PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}] * 50},
            },
        }
    ),
    "many accounts and sources": template(
        Role=role(
            AssumeRolePolicyDocument={
                "Statement": {
                    "Effect": "Allow",
                    "Principal": {"Service": "ssm.amazonaws.com"},
                    "Condition": {
                        "StringLike": {
                            "aws:SourceAccount": ["111122223333"] * 20_000,
                            "aws:SourceArn": ["arn:aws:ssm:*:111122223333:*"] * 20_000,
                        }
                    },
                }
            }
        )
    ),
    "patterns with many wildcards": template(Role=passing("*a" * 500), Other=passing("iam:" + "*s*e" * 200 + "?")),
    "beginnings of variables": template(Role=passing("${" * 50_000), Other=role(RoleName="${" * 50_000)),
    "beginnings of references": template(Role=passing("\ue000" * 50_000)),
    "long lists in parameters": {
        "Parameters": {"List": {"Type": "CommaDelimitedList", "Default": "a," * 20_000}},
        **template(Role=role(RoleName={"Fn::Join": ["", [{"Ref": "List"}] * 50]})),
    },
    "deep mappings": template(Role=role(Tags=nested({}, lambda inner: {"a": inner}, DEEP))),
    "deep lists": template(Role=role(Policies=nested([], lambda inner: [inner], DEEP))),
    "deep functions": template(Role=role(RoleName=nested("a", lambda inner: {"Fn::Join": ["", [inner]]}, DEEP))),
    "deep JSON": template(Role=role(Policies=nested({}, lambda inner: {"Fn::ToJsonString": inner}, DEEP))),
    "deep loops": {"Resources": nested({}, lambda inner: {"Fn::ForEach::L": ["I", ["a", "b"], inner]}, DEEP)},
    "deep resources in loops": {
        "Resources": {"Fn::ForEach::L": ["I", ["a"], {"R${I}": role(Tags=nested({}, lambda inner: [inner], DEEP))}]}
    },
    "deep templates": template(
        Set={"Type": "X::Y", "TemplateBody": nested({}, lambda inner: {"TemplateBody": inner}, DEEP)}
    ),
}


@pytest.mark.deep
@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_template_is_checked_in_bounded_time(case: str) -> None:
    with bounded_work(3_000_000):
        engine.check_template(HOSTILE[case])
        engine.check_shared_names({"One": HOSTILE[case]})


def test_a_long_attribute_does_not_hang() -> None:
    # Comparing each part with all others would take an hour.
    program = """
from ssm_roles.audit.engine import check_template
body = {
    "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    "Outputs": {"Code": {"Value": {"Ref": ".a" * 300_000 + "!"}}},
}
assert check_template(body) == []
"""
    subprocess.run([sys.executable, "-c", program], cwd=PACKAGE.parent, check=True, timeout=60)


def test_policies_of_too_many_roles_are_an_error() -> None:
    roles = [f"Role{number}" for number in range(2_000)]
    statements = [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}] * 2_000
    properties = {"PolicyName": "Pass", "Roles": roles, "PolicyDocument": {"Statement": statements}}
    body = template(Policy={"Type": "AWS::IAM::Policy", "Properties": properties})
    with pytest.raises(ValueError, match="must have at most 1,000,000 statements for all roles"):
        engine.check_template(body)


def test_a_deep_part_does_not_hide_the_findings_in_the_rest() -> None:
    deep = nested({}, lambda inner: {"a": inner}, 5 * DEEP)
    loop = {"Fn::ForEach::Loop": ["I", ["a"], {"R${I}": role(Tags=deep)}]}
    found = engine.check_template({"Resources": {"Role": role(), **loop}})
    assert [each.path[1] for each in found if each.check.id == "TRUST1"] == ["Role", "Fn::ForEach::Loop"]


@pytest.mark.deep
def test_a_template_can_have_5000_resources() -> None:
    body = template(**{f"Role{number}": role(RoleName=f"Name{number}") for number in range(5_000)})
    with bounded_work(3_000_000):
        found = engine.check_template(body)
    assert len([each for each in found if each.check.id == "TRUST1"]) == 5_000


@pytest.mark.parametrize("body", [None, 1, "text", [], {}, {"Resources": {}}, {"Resources": []}, {"Type": "AWS::X::Y"}])
def test_what_is_no_template_has_no_findings(body: Any) -> None:
    assert not engine.is_template(body)
    assert engine.check_template(body) == []


def test_a_template_in_a_template_in_a_template_is_checked_at_its_place() -> None:
    inner = json.dumps(template(Role=role()), indent=1)
    middle = template(Set={"Type": "AWS::CloudFormation::StackSet", "Properties": {"TemplateBody": inner}})
    outer = template(Set={"Type": "AWS::CloudFormation::StackSet", "Properties": {"TemplateBody": middle}})
    (found,) = (each for each in engine.check_template(outer) if each.check.id == "TRUST1")
    body = ("Resources", "Set", "Properties", "TemplateBody")
    assert found.path == (*body, *body)
    assert found.fault.logical_id == "Role"
    assert found.line_in_text is not None
    statement, first = inner.splitlines()[found.line_in_text : found.line_in_text + 2]
    assert (statement.strip(), first.strip()) == ("{", '"Effect": "Allow",')


def test_only_the_given_checks_run() -> None:
    checks = [each for each in ALL_CHECKS if each.id == "NODE2"]
    assert engine.check_template(template(Role=role()), checks=checks) == []
