"""Fixtures that run a function: AWS, an endpoint for its responses, and the function itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from embedded_aws.server import EmbeddedAws

from ..embedded_aws.fixtures import aws, embedded_aws
from .answer_endpoint import AnswerEndpoint
from .ensure_function import EnsureFunction
from .lambda_function import SimulatedClock

__all__ = ["aws", "embedded_aws"]

NewFunction = Callable[[], EnsureFunction]


@pytest.fixture(autouse=True)
def _nothing_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def endpoint() -> Iterator[AnswerEndpoint]:
    with AnswerEndpoint() as running:
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
