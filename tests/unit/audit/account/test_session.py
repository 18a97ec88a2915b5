from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest

from ssm_roles.audit.account.errors import AccountError
from ssm_roles.audit.account.session import Clients, Limits, open_session

from .scripted_aws import ScriptedAws


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let the AWS SDK find nothing of this machine."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


def problem(profile: str | None) -> str:
    with pytest.raises(AccountError) as raised:
        open_session(profile)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_a_profile_with_credentials_opens_a_session(nobody: Path) -> None:
    (nobody / "config").write_text(
        "[profile audit]\naws_access_key_id = a\naws_secret_access_key = b\nregion = eu-west-1\n", encoding="utf-8"
    )
    assert open_session("audit").region_name == "eu-west-1"


def test_an_unknown_profile_is_an_error_that_names_the_known_ones(nobody: Path) -> None:
    (nobody / "config").write_text("[profile audit]\nregion = eu-west-1\n", encoding="utf-8")
    assert problem("adit") == "The config profile (adit) could not be found; known are audit"


def test_an_unknown_profile_of_the_environment_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "adit")
    assert problem(None) == "The config profile (adit) could not be found"


def test_missing_credentials_are_an_error() -> None:
    assert problem(None) == "no AWS credentials were found; sign in, set AWS_PROFILE, or pass --profile"


def test_credentials_with_a_missing_part_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    assert problem(None).startswith("the AWS credentials can't be used: PartialCredentialsError: Partial credentials")


def test_a_profile_whose_sign_in_has_expired_is_an_error(nobody: Path) -> None:
    (nobody / "config").write_text(
        "[profile sso]\nsso_start_url = https://localhost/start\nsso_region = eu-west-1\nsso_account_id = 1\n"
        "sso_role_name = r\nregion = eu-west-1\n",
        encoding="utf-8",
    )
    assert problem("sso").startswith("the AWS credentials can't be used: SSOTokenLoadError: ")


def test_a_configuration_file_that_cannot_be_read_is_an_error(nobody: Path) -> None:
    (nobody / "config").write_text("not a configuration\n", encoding="utf-8")
    path = nobody / "config"
    assert problem("audit") == (
        f"the AWS credentials can't be used: ConfigParseError: Unable to parse config file: {path}"
    )


def test_a_missing_boto3_is_an_error_that_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_boto3(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] in ("boto3", "botocore"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_boto3)
    assert problem(None) == 'reading an account needs boto3: pip install "boto3>=1.34,<2"'


def test_a_client_has_the_limits_and_is_created_once() -> None:
    clients = Clients(ScriptedAws().session(), Limits(attempts=3, connect_seconds=2.0, read_seconds=7.0))
    client = clients.get("ssm", "eu-west-1")
    assert clients.get("ssm", "eu-west-1") is client
    config = client.meta.config
    assert config.retries == {"mode": "adaptive", "total_max_attempts": 3}
    assert (config.connect_timeout, config.read_timeout) == (2.0, 7.0)
    assert "ssm-roles/" in config.user_agent_extra
    assert clients.get("ssm", "us-east-1") is not client


def test_a_client_uses_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    # Python prefers the name in lower case.
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://localhost:9")
    client = Clients(ScriptedAws().session(), Limits()).get("ssm", "eu-west-1")
    proxies = client._endpoint.http_session._proxy_config
    assert proxies.proxy_url_for("https://ssm.eu-west-1.amazonaws.com") == "http://localhost:9"
