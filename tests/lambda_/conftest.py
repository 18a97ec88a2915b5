"""Fixtures that run a function: AWS, an endpoint for its responses, and the function itself."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator

import pytest

from embedded_aws.server import EmbeddedAws

from ..embedded_aws.fixtures import aws, embedded_aws
from .answer_endpoint import AnswerEndpoint
from .ensure_function import EnsureFunction
from .simulated_clock import SimulatedClock

__all__ = ["aws", "embedded_aws"]

NewFunction = Callable[[], EnsureFunction]


@pytest.fixture(autouse=True)
def _nothing_of_the_caller(endpoint: AnswerEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def endpoint() -> Iterator[AnswerEndpoint]:
    """Provide the endpoint of ResponseURLs, which HTTPS requests of this process reach. AWS uses HTTP."""
    with AnswerEndpoint() as running, pytest.MonkeyPatch.context() as process:
        process.setenv("https_proxy", running.proxy.url)
        process.setenv("no_proxy", "localhost,127.0.0.1")
        process.setenv("SSL_CERT_FILE", running.proxy.ca_file)
        # urllib keeps the proxies and the CA certificates of its first request.
        process.setattr(urllib.request, "_opener", None)
        yield running


@pytest.fixture
def new_function(aws: EmbeddedAws, endpoint: AnswerEndpoint) -> NewFunction:
    """Return a factory of functions: each stack has its own."""
    root = {"AccessKeyId": aws.account, "SecretAccessKey": "test"}
    # Pauses take a little time, so that concurrent work makes progress.
    return lambda: EnsureFunction(endpoint, aws.endpoint_url, root, SimulatedClock(pace=0.01))


@pytest.fixture
def function(new_function: NewFunction) -> EnsureFunction:
    return new_function()
