"""The function as AWS Lambda runs it: its module loaded afresh, with an event, a context and a ResponseURL."""

import functools
import importlib.util
import itertools
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from .answer_endpoint import Answer, AnswerEndpoint

FUNCTION_SECONDS = 900.0
REGION = "eu-west-1"

_numbers = itertools.count(1)


@functools.cache
def package_folder() -> Path:
    """Return the folder that becomes the function's package, without importing what makes templates."""
    spec = importlib.util.find_spec("ssm_roles")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "_lambda" / "ensure_service_linked_role"


class SimulatedClock:
    """A clock on which pauses pass at once.

    Args:
        pace: The share of a pause that it takes all the same. Default: 0
    """

    def __init__(self, pace: float = 0.0) -> None:
        self.now = 1000.0
        self.pace = pace
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0, seconds
        self.now += seconds
        self.pauses.append(seconds)
        if self.pace > 0:
            time.sleep(seconds * self.pace)


class Context:
    """What AWS Lambda hands to a function beside the event."""

    def __init__(self, clock: SimulatedClock, seconds: float) -> None:
        self._clock = clock
        self.end = clock.now + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int((self.end - self._clock.now) * 1000)


@dataclass(frozen=True)
class Run:
    """What came of one run.

    Attributes:
        answers: The answers as they arrived at the ResponseURL.
        returned: What the function returned.
        seconds: How long it took, on its own clock.
        log: What it logged.
    """

    answers: list[Answer]
    returned: Any
    seconds: float
    log: list[str]

    @property
    def answer(self) -> dict[str, Any]:
        """The one answer."""
        assert len(self.answers) == 1, self.answers
        return self.answers[0].fields

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes of the custom resource, after a success."""
        answer = self.answer
        assert answer["Status"] == "SUCCESS", answer
        attributes: dict[str, str] = answer["Data"]
        return attributes

    @property
    def reason(self) -> str:
        """Why it failed."""
        answer = self.answer
        assert answer["Status"] == "FAILED", answer
        reason: str = answer["Reason"]
        assert reason
        return reason


class _Log(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@functools.cache
def _session() -> botocore.session.Session:
    # It keeps the descriptions of the APIs, which take a while to read.
    return botocore.session.Session()


class _Boto3:
    """What the module sees as boto3: the one that leads to this machine, with these credentials."""

    def __init__(self, endpoint_url: str, credentials: Mapping[str, str]) -> None:
        self._endpoint_url = endpoint_url
        self._credentials = credentials

    def client(self, service: str, config: Config) -> Any:
        make_client: Any = boto3.session.Session(botocore_session=_session()).client
        return make_client(
            service,
            config=config,
            region_name=REGION,
            endpoint_url=self._endpoint_url,
            aws_access_key_id=self._credentials["AccessKeyId"],
            aws_secret_access_key=self._credentials["SecretAccessKey"],
            aws_session_token=self._credentials.get("SessionToken"),
        )


class EnsureFunction:
    """One function of one stack.

    Args:
        endpoint: Where it answers.
        iam_url: Where it finds IAM.
        credentials: `AccessKeyId`, `SecretAccessKey` and `SessionToken` to act with.
        clock: What it takes for the time.
    """

    def __init__(
        self, endpoint: AnswerEndpoint, iam_url: str, credentials: Mapping[str, str], clock: SimulatedClock
    ) -> None:
        self.endpoint = endpoint
        self.clock = clock
        module: Any = _load()
        self.module: Any = module
        self._log = _Log()
        logger = logging.Logger(self.module.__name__, logging.INFO)
        logger.addHandler(self._log)
        module.logger = logger
        module.boto3 = _Boto3(iam_url, credentials)
        module.time = clock

    @property
    def iam(self) -> Any:
        """The client that the function itself has made."""
        return self.module._iam()

    def run(self, event: Any, *, seconds: float = FUNCTION_SECONDS, misfortunes: tuple[str, ...] = ()) -> Run:
        """Run the function once.

        Args:
            event: The event without its ResponseURL, which is added where there is none.
            seconds: How much time AWS Lambda gives it.
            misfortunes: What its attempts to answer meet.
        """
        url = ""
        if isinstance(event, dict) and "ResponseURL" not in event:
            url = self.endpoint.url(*misfortunes)
            event = {**event, "ResponseURL": url}
        self._log.lines = []
        self.clock.pauses.clear()
        start = self.clock.now
        # As it comes out of the runtime of AWS Lambda.
        returned = self.module.handler(json.loads(json.dumps(event)), Context(self.clock, seconds))
        return Run(self.endpoint.taken(url) if url else [], returned, self.clock.now - start, self._log.lines)


def _load() -> Any:
    name = f"ensure_service_linked_role_{next(_numbers)}"
    spec = importlib.util.spec_from_file_location(name, package_folder() / "index.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # The module sets the level of the root logger, which is AWS Lambda's there and everybody's here.
    root = logging.getLogger()
    level = root.level
    try:
        spec.loader.exec_module(module)
    finally:
        root.setLevel(level)
    return module
