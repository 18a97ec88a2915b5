"""The emulator accepts only endpoints on this machine."""

import pytest

from embedded_aws.loopback import require_loopback

pytestmark = pytest.mark.deep


@pytest.mark.parametrize(
    "url",
    ["http://localhost:4566", "https://localhost", "http://127.0.0.1:1/path", "http://127.1.2.3", "http://[::1]:8080"],
)
def test_this_machine_is_accepted(url: str) -> None:
    assert require_loopback(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:4566",
        "ftp://localhost",
        "http://",
        "http://0.0.0.0",
        "http://10.0.0.1",
        "http://128.0.0.1",
        "http://[::]",
        "http://localhost.example.com",
        "http://localhost@example.com",
        "http://127.0.0.1@example.com",
        "http://iam.amazonaws.com",
        "http://localhost:port",
    ],
)
def test_another_endpoint_is_rejected_with_its_url(url: str) -> None:
    with pytest.raises(ValueError, match=r"got ") as rejection:
        require_loopback(url)
    assert repr(url) in str(rejection.value)
