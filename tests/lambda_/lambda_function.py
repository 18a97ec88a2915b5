"""A function as AWS Lambda runs it: its package loaded afresh, with an event, a context and a ResponseURL."""

import functools
import importlib
import importlib.util
import itertools
import json
import logging
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
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
    """Return the folder that becomes the asset of each function, without importing what makes templates."""
    spec = importlib.util.find_spec("ssm_roles")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "_lambda"


class SimulatedClock:
    """A clock on which pauses pass at once.

    Args:
        pace: The share of a pause that it takes all the same. Default: 0

    Attributes:
        in_pauses: What happens in each pause.
    """

    def __init__(self, pace: float = 0.0) -> None:
        self.now = 1000.0
        self._epoch = float(int(time.time())) - self.now
        self.pace = pace
        self.pauses: list[float] = []
        self.in_pauses: Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self._epoch + self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0, seconds
        self.now += seconds
        self.pauses.append(seconds)
        if self.pace > 0:
            time.sleep(seconds * self.pace)
        self.in_pauses()


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


class LambdaFunction:
    """One function of one stack.

    Args:
        name: The name of its module.
        endpoint: Where it answers.
        aws_url: Where it finds AWS.
        credentials: `AccessKeyId`, `SecretAccessKey` and `SessionToken` to act with.
        clock: What it takes for the time.
        environment: Its environment variables. Default: none
    """

    def __init__(
        self,
        name: str,
        endpoint: AnswerEndpoint,
        aws_url: str,
        credentials: Mapping[str, str],
        clock: SimulatedClock,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.clock = clock
        package = f"functions_{next(_numbers)}"
        self._log = _Log()
        self.last_log: list[str] = []
        logger = logging.Logger(package, logging.INFO)
        logger.addHandler(self._log)
        self.modules = _load(package, name)
        self.environment = {} if environment is None else dict(environment)
        replacements = {
            "logger": logger,
            "boto3": _Boto3(aws_url, credentials),
            "time": clock,
            "os": SimpleNamespace(environ=self.environment),
        }
        for module in self.modules.values():
            for attribute in replacements.keys() & vars(module).keys():
                setattr(module, attribute, replacements[attribute])
        self._handler = self.modules[name].handler

    def client(self, service: str) -> Any:
        """Return the client that the function itself has made."""
        return self.modules["retries"].client(service)

    def run(self, event: Any, *, seconds: float = FUNCTION_SECONDS, misfortunes: tuple[str, ...] = ()) -> Run:
        """Run the function once.

        Args:
            event: The event. One of CloudFormation comes without its ResponseURL, which is added where there is none.
            seconds: How much time AWS Lambda gives it.
            misfortunes: What its attempts to answer meet.
        """
        url = ""
        if isinstance(event, dict) and not event.keys() & {"ResponseURL", "Step", "Check"}:
            url = self.endpoint.url(*misfortunes)
            event = {**event, "ResponseURL": url}
        # Secrets Manager runs it while CloudFormation waits for it.
        interrupted, self._log.lines = self._log.lines, []
        self.clock.pauses.clear()
        start = self.clock.now
        try:
            # As it comes out of the runtime of AWS Lambda.
            returned = self._handler(json.loads(json.dumps(event)), Context(self.clock, seconds))
            return Run(self.endpoint.taken(url) if url else [], returned, self.clock.now - start, self._log.lines)
        finally:
            self.last_log = self._log.lines
            self._log.lines = interrupted


def _load(package: str, name: str) -> dict[str, Any]:
    """Import the module of a function under a package's name of its own, and return all modules of the package."""
    folder = package_folder() / "functions"
    spec = importlib.util.spec_from_file_location(package, folder / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    sys.modules[package] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[package])
    # The module sets the level of the root logger, which is AWS Lambda's there and everybody's here.
    root = logging.getLogger()
    level = root.level
    try:
        importlib.import_module(f"{package}.{name}")
    finally:
        root.setLevel(level)
    return {
        each.removeprefix(f"{package}."): module
        for each, module in sys.modules.items()
        if each.startswith(f"{package}.")
    }
