from __future__ import annotations

from typing import Any

import pytest

from ssm_roles.audit.engine import read_template
from ssm_roles.audit.report.principals import is_single, party_of
from tests.unit.audit.report.samples import trust

ROOT = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}


def parties(principal: Any) -> list[tuple[str, str, str, bool]]:
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust(principal)}}
    template = read_template({"Resources": {"Role": role, "Other": {"Type": "AWS::IAM::Role"}}})
    [statement] = template.roles["Role"].trust
    found: list[tuple[str, str, str, bool]] = []
    for each in statement.principals:
        party = party_of(each, template)
        found.append((party.title, party.note, party.look, is_single(each)))
    return found


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ({"Service": "ssm.amazonaws.com"}, ("Systems Manager", "ssm.amazonaws.com", "service", False)),
        ({"Service": "ec2.amazonaws.com.cn"}, ("Amazon EC2", "ec2.amazonaws.com.cn", "service", False)),
        ({"Service": "new.amazonaws.com"}, ("new.amazonaws.com", "AWS service", "service", False)),
        ("*", ("Everybody", "every AWS account, or anyone", "open", False)),
        ({"AWS": "*"}, ("Everybody", "every AWS account, or anyone", "open", False)),
        ({"AWS": ROOT}, ("This account", "its principals with sts:AssumeRole", "principal", False)),
        (
            {"AWS": {"Ref": "AWS::AccountId"}},
            ("This account", "its principals with sts:AssumeRole", "principal", False),
        ),
        ({"AWS": "111122223333"}, ("Account 111122223333", "another account", "open", False)),
        ({"AWS": "arn:aws:iam::111122223333:root"}, ("Account 111122223333", "another account", "open", False)),
        ({"AWS": "arn:aws:iam::111122223333:role/R"}, ("role/R", "in account 111122223333", "open", True)),
        (
            {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/R"}},
            ("role/R", "in this account", "principal", True),
        ),
        ({"AWS": {"Fn::GetAtt": ["Other", "Arn"]}}, ("Other", "role", "principal", True)),
        ({"AWS": {"Ref": "Parameter"}}, ("Parameter", "named by the template", "principal", False)),
        (
            {"Federated": "arn:aws:iam::111122223333:saml-provider/Okta"},
            ("Okta", "SAML identity provider", "open", False),
        ),
        (
            {"Federated": "arn:aws:iam::1:oidc-provider/token.actions.githubusercontent.com"},
            ("token.actions.githubusercontent.com", "OpenID Connect identity provider", "open", False),
        ),
        (
            {"Federated": "cognito-identity.amazonaws.com"},
            ("cognito-identity.amazonaws.com", "identity provider", "open", False),
        ),
    ],
)
def test_a_principal_is_called_as_people_call_it(principal: Any, expected: tuple[str, str, str, bool]) -> None:
    assert parties(principal) == [expected]


def test_a_principal_has_one_box_however_it_is_written() -> None:
    own = parties({"AWS": [ROOT, {"Ref": "AWS::AccountId"}]})
    assert own[0] == own[1]
