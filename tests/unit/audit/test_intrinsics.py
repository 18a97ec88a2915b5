"""The texts that values can have, as far as a template tells."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ssm_roles.audit.intrinsics import UNKNOWN, Values, has_wildcard, reference, shown, split_arn

TEMPLATE = {
    "Parameters": {
        "Stage": {"Type": "String", "Default": "prod", "AllowedValues": ["prod", "test"]},
        "Name": {"Type": "String"},
        "Regions": {"Type": "CommaDelimitedList", "Default": "eu-west-1, us-east-1"},
        "Image": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/images/newest"},
    },
    "Mappings": {"Names": {"prod": {"Role": "Nodes"}, "test": {"Role": "TestNodes"}}},
    "Conditions": {
        "IsTest": {"Fn::Equals": [{"Ref": "Stage"}, "test"]},
        "Always": {"Fn::Equals": ["a", "a"]},
        "Never": {"Fn::Not": [{"Condition": "Always"}]},
        "Sometimes": {"Fn::And": [{"Condition": "Always"}, {"Condition": "IsTest"}]},
        "Loop": {"Fn::Or": [{"Condition": "Loop"}, {"Condition": "Never"}]},
    },
}


def texts(value: object) -> list[str]:
    return [shown(each) for each in Values(TEMPLATE).texts(value)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", ["a"]),
        (1, ["1"]),
        (True, ["true"]),
        (None, []),
        (["a", {"Ref": "Name"}], ["a", "${Name}"]),
        ({"Ref": "AWS::Region"}, ["${AWS::Region}"]),
        ({"Ref": "AWS::NoValue"}, []),
        ({"Ref": "Stage"}, ["${Stage}", "prod", "test"]),
        ({"Ref": "Image"}, ["${Image}"]),
        ({"Fn::GetAtt": ["Role", "Arn"]}, ["${Role.Arn}"]),
        ({"Fn::GetAtt": "Role.Arn"}, ["${Role.Arn}"]),
        (
            {"Fn::Sub": "arn:${AWS::Partition}:${Role.Arn}:${!Literal}"},
            ["arn:${AWS::Partition}:${Role.Arn}:${Literal}"],
        ),
        ({"Fn::Sub": ["${A}-${Name}", {"A": {"Fn::If": ["IsTest", "x", "y"]}}]}, ["x-${Name}", "y-${Name}"]),
        ({"Fn::Join": [":", ["a", {"Ref": "Name"}, {"Ref": "AWS::NoValue"}, "b"]]}, ["a:${Name}:b"]),
        ({"Fn::Join": ["/", {"Ref": "Regions"}]}, ["eu-west-1/us-east-1"]),
        ({"Fn::If": ["IsTest", "x", {"Ref": "AWS::NoValue"}]}, ["x"]),
        ({"Fn::If": ["Always", "x", "y"]}, ["x"]),
        ({"Fn::If": ["Never", "x", "y"]}, ["y"]),
        ({"Fn::If": ["Sometimes", "x", "y"]}, ["x", "y"]),
        ({"Fn::If": ["Loop", "x", "y"]}, ["x", "y"]),
        ({"Fn::If": ["Missing", "x", "y"]}, ["x", "y"]),
        ({"Fn::FindInMap": ["Names", "prod", "Role"]}, ["Nodes"]),
        ({"Fn::FindInMap": ["Names", {"Ref": "Stage"}, "Role"]}, ["Nodes", "TestNodes"]),
        ({"Fn::Select": [1, ["a", "b"]]}, ["b"]),
        ({"Fn::Select": ["0", {"Fn::Split": ["/", "a/b"]}]}, ["a"]),
        ({"Fn::Select": ["\N{SUPERSCRIPT TWO}", ["a", "b", "c"]]}, ["${?}"]),
        ({"Fn::Select": [1, {"Ref": "Regions"}]}, ["us-east-1"]),
        ({"Fn::ImportValue": "Shared"}, ["${ImportValue Shared}"]),
        ({"Fn::ToJsonString": {"a": 1}}, ['{"a": 1}']),
        ({"Fn::Base64": "a"}, ["a"]),
        ({"Fn::Transform": {"Name": "Macro"}}, ["${?}"]),
        ({"Fn::Join": "wrong"}, ["${?}"]),
        ({"a": "b"}, ["${?}"]),
    ],
)
def test_the_texts_of_a_value(value: object, expected: list[str]) -> None:
    assert texts(value) == expected


def test_references_remain_in_json() -> None:
    (text,) = Values(TEMPLATE).texts({"Fn::ToJsonString": {"a": {"Ref": "Name"}}})
    assert json.loads(text) == {"a": reference("Name")}


def test_alternatives_have_places() -> None:
    value = [{"Fn::If": ["IsTest", "a", ["b", "c"]]}, "d"]
    assert list(Values(TEMPLATE).items(value, ("Roles",))) == [
        ("a", ("Roles", 0, "Fn::If", 1)),
        ("b", ("Roles", 0, "Fn::If", 2, 0)),
        ("c", ("Roles", 0, "Fn::If", 2, 1)),
        ("d", ("Roles", 1)),
    ]


def test_there_are_at_most_24_texts() -> None:
    many = {"Fn::Join": ["", [{"Fn::If": [f"C{number}", "a", "b"]} for number in range(64)]]}
    assert len(Values(TEMPLATE).texts(many)) == 24


def test_json_in_json_ends_before_it_is_too_long() -> None:
    value: Any = "\\"
    for _ in range(35):
        value = {"Fn::ToJsonString": value}
    (text,) = Values(TEMPLATE).texts(value)
    assert len(text) < 1_000_000


@pytest.mark.parametrize(("text", "expected"), [("a*", True), ("a?", True), ("a", False), ("${aws:username*}", False)])
def test_a_wildcard_is_no_part_of_a_variable(text: str, expected: bool) -> None:
    assert has_wildcard(text) == expected


def test_a_colon_in_a_reference_does_not_divide_an_arn() -> None:
    arn = f"arn:{reference('AWS::Partition')}:ssm:{reference('AWS::Region')}:111122223333:document/a:b"
    assert [shown(each) for each in split_arn(arn)] == [
        *("arn", "${AWS::Partition}", "ssm", "${AWS::Region}", "111122223333", "document/a:b")
    ]
    assert split_arn(UNKNOWN) == [UNKNOWN]
