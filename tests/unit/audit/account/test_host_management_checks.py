from __future__ import annotations

from ssm_roles.audit.account.host_management_checks import HOST_MANAGEMENT_CHECKS
from ssm_roles.audit.account.model import Account

from .accounts import SSM, account, allow, inline, managed, role, sources, trust

ALLOWED = managed("AmazonSSMManagedEC2InstanceDefaultPolicy", allow("ssm:UpdateInstanceInformation"), owner="aws")


def findings(judged: Account) -> dict[str, list[str]]:
    found = {check.id: [fault.message for fault in check.find(judged)] for check in HOST_MANAGEMENT_CHECKS}
    return {check_id: messages for check_id, messages in found.items() if messages}


def test_a_region_in_which_the_feature_is_off_has_no_findings() -> None:
    assert findings(account()) == {}


def test_a_correct_role_has_no_findings() -> None:
    hosts = role("Hosts", trust(SSM), ALLOWED, path="/service-role/")
    assert findings(account(hosts, host_management="service-role/Hosts")) == {}


def test_a_role_that_does_not_exist_is_an_error() -> None:
    assert findings(account(host_management="service-role/Gone")) == {
        "DHMC1": ["The default role service-role/Gone doesn't exist"]
    }


def test_a_role_that_systems_manager_of_the_region_cannot_assume_is_an_error() -> None:
    hosts = role("Hosts", trust(SSM, condition=sources("us-east-1")), ALLOWED)
    assert findings(account(hosts, host_management="Hosts")) == {
        "DHMC2": [
            "Systems Manager can't assume the default role Hosts: "
            "its trust policy rules out Systems Manager in eu-west-1 of this account"
        ]
    }


def test_a_role_without_the_permissions_of_the_agent_is_an_error() -> None:
    hosts = role("Hosts", None, inline("Other", allow("s3:*")))
    assert findings(account(hosts, host_management="Hosts")) == {
        "DHMC3": [
            "Instances with the default role Hosts can't call ssm:UpdateInstanceInformation: "
            "no policy of the role allows it"
        ]
    }


def test_nothing_is_said_about_roles_that_could_not_be_read() -> None:
    assert findings(account(host_management="Hosts", readable=False)) == {}
