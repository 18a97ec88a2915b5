"""The names of new roles, as IAM's API reference describes them.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
"""

from __future__ import annotations

import pytest

from embedded_aws.server import EmbeddedAws

pytestmark = pytest.mark.deep

_TRUST = '{"Version": "2012-10-17", "Statement": []}'


def test_a_role_name_has_at_most_64_characters(aws: EmbeddedAws) -> None:
    iam = aws.client("iam")
    iam.create_role(RoleName="a" * 64, AssumeRolePolicyDocument=_TRUST)
    with pytest.raises(iam.exceptions.ClientError, match=r"ValidationError.*less than or equal to 64"):
        iam.create_role(RoleName="a" * 65, AssumeRolePolicyDocument=_TRUST)


@pytest.mark.parametrize("name", ["a role", "role/name", "rölle"])
def test_a_role_name_has_only_some_characters(aws: EmbeddedAws, name: str) -> None:
    iam = aws.client("iam")
    with pytest.raises(iam.exceptions.ClientError, match=r"ValidationError.*regular expression"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=_TRUST)


def test_role_names_differ_not_only_in_case(aws: EmbeddedAws) -> None:
    iam = aws.client("iam")
    iam.create_role(RoleName="Nodes", AssumeRolePolicyDocument=_TRUST)
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException, match="Role with name NODES already exists"):
        iam.create_role(RoleName="NODES", AssumeRolePolicyDocument=_TRUST)
    assert aws.client("iam", account="444455556666").create_role(RoleName="NODES", AssumeRolePolicyDocument=_TRUST)
