"""A function as AWS Lambda runs it: a newly loaded package, with an event, a context and a ResponseURL."""

import contextlib
import functools
import importlib
import importlib.util
import itertools
import json
import logging
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from .answer_endpoint import Answer, AnswerEndpoint
from .in_process_cloudformation import InProcessCloudFormation
from .simulated_clock import SimulatedClock

FUNCTION_SECONDS = 900.0
REGION = "eu-west-1"

_numbers = itertools.count(1)


@functools.cache
def package_folder() -> Path:
    """Return the folder that becomes the asset of each function, without importing the CDK."""
    spec = importlib.util.find_spec("ssm_roles")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "_lambda"


class Context:
    """The context that AWS Lambda passes to a function."""

    def __init__(self, clock: SimulatedClock, seconds: float) -> None:
        self._clock = clock
        self.end = clock.now + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int((self.end - self._clock.now) * 1000)


@dataclass(frozen=True)
class Run:
    """The result of one run.

    Attributes:
        answers: The responses that arrived at the ResponseURL.
        returned: The value that the function returned.
        seconds: The duration, on the clock of the function.
        log: The lines of its log.
    """

    answers: list[Answer]
    returned: Any
    seconds: float
    log: list[str]

    @property
    def answer(self) -> dict[str, Any]:
        """The only response."""
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
        """The reason of a failure."""
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
def botocore_session() -> botocore.session.Session:
    """Return the session of all clients: it caches the API models, which take long to load."""
    return botocore.session.Session()


class _Boto3:
    """The boto3 of the function, with an endpoint on this machine and given credentials."""

    def __init__(
        self, endpoint_url: str, credentials: Mapping[str, str], cloudformation: InProcessCloudFormation
    ) -> None:
        self._endpoint_url = endpoint_url
        self._credentials = credentials
        self._cloudformation = cloudformation

    def client(self, service: str, config: Config) -> Any:
        make_client: Any = boto3.session.Session(botocore_session=botocore_session()).client
        client = make_client(
            service,
            # Making the usual header takes a tenth of the time of a call.
            config=config.merge(Config(user_agent="test")),
            region_name=REGION,
            endpoint_url=self._endpoint_url,
            aws_access_key_id=self._credentials["AccessKeyId"],
            aws_secret_access_key=self._credentials["SecretAccessKey"],
            aws_session_token=self._credentials.get("SessionToken"),
        )
        if service == "cloudformation":
            self._cloudformation.attach(client, faulty=True)
        return client


class LambdaFunction:
    """One function of one stack.

    Args:
        name: The name of the function's module.
        endpoint: The endpoint that receives the responses.
        aws_url: The URL of AWS.
        credentials: The credentials of the function: `AccessKeyId`, `SecretAccessKey` and `SessionToken`.
        clock: The clock of the function.
        environment: The environment variables of the function. Default: - none
        inline: Whether the template contains the code. Default: False

    Attributes:
        cloudformation: The stack events that the function sees.
        environment: The environment variables of the function.
    """

    def __init__(
        self,
        name: str,
        endpoint: AnswerEndpoint,
        aws_url: str,
        credentials: Mapping[str, str],
        clock: SimulatedClock,
        environment: Mapping[str, str] | None = None,
        *,
        inline: bool = False,
    ) -> None:
        self.endpoint = endpoint
        self.clock = clock
        self.cloudformation = InProcessCloudFormation(clock)
        package = f"functions_{next(_numbers)}"
        self._log = _Log()
        self.last_log: list[str] = []
        logger = logging.Logger(package, logging.INFO)
        logger.addHandler(self._log)
        self.modules = _load_inline(package, name) if inline else _load(package, name)
        self.environment = {"AWS_REGION": REGION, "URL_SUFFIX": "amazonaws.com", **(environment or {})}
        replacements = {
            "logger": logger,
            "boto3": _Boto3(aws_url, credentials, self.cloudformation),
            "time": clock,
            "os": SimpleNamespace(environ=self.environment),
        }
        for module in self.modules.values():
            # AWS Lambda takes what a function prints for a line of its log.
            vars(module)["print"] = self._print
            for attribute in replacements.keys() & vars(module).keys():
                setattr(module, attribute, replacements[attribute])
        self._handler = self.modules[name].handler

    def _print(self, line: str) -> None:
        self._log.lines.append(line)

    def client(self, service: str) -> Any:
        """Return the client of a service that the function uses."""
        return self.modules["retries"].client(service)

    def run(
        self,
        event: Any,
        *,
        seconds: float = FUNCTION_SECONDS,
        misfortunes: tuple[str, ...] = (),
        stack_id: str | None = None,
    ) -> Run:
        """Run the function once.

        Args:
            event: The event. A ResponseURL is added to an event of CloudFormation that has none.
            stack_id: The stack of the function. Default: - the stack of the event
            seconds: The timeout of the function.
            misfortunes: What happens to its attempts to respond; see `AnswerEndpoint.url`.
        """
        url = ""
        if isinstance(event, dict) and not event.keys() & {"ResponseURL", "Step", "Check"}:
            url = self.endpoint.url(*misfortunes, region=self.environment["AWS_REGION"])
            event = {**event, "ResponseURL": url}
        if stack_id is None and isinstance(event, dict):
            stack_id = event.get("StackId")
        self.environment["STACK_ID"] = str(stack_id)
        # Secrets Manager can run the function while CloudFormation waits for it.
        interrupted, self._log.lines = self._log.lines, []
        self.clock.pauses.clear()
        start = self.clock.now
        try:
            # AWS Lambda parses the event from JSON.
            returned = self._handler(json.loads(json.dumps(event)), Context(self.clock, seconds))
            return Run(self.endpoint.taken(url) if url else [], returned, self.clock.now - start, self._log.lines)
        finally:
            self.last_log = self._log.lines
            self._log.lines = interrupted


def _load_inline(package: str, name: str) -> dict[str, Any]:
    """Load the module of a function as templates without assets contain it."""
    file = package_folder().parent / "_cdk" / "inline_functions" / f"{name}.txt"
    module = ModuleType(package)
    sys.modules[package] = module
    with _kept_log_level():
        exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), vars(module))
    # Each module of the package is this one.
    return dict.fromkeys(("custom_resource", "retries", "stack", name), module)


@contextlib.contextmanager
def _kept_log_level() -> Iterator[None]:
    # The modules set the level of the root logger, which all tests share.
    root = logging.getLogger()
    level = root.level
    try:
        yield
    finally:
        root.setLevel(level)


def _load(package: str, name: str) -> dict[str, Any]:
    """Import the module of a function in a package with a unique name, and return all modules of the package."""
    folder = package_folder() / "functions"
    spec = importlib.util.spec_from_file_location(package, folder / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    sys.modules[package] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[package])
    with _kept_log_level():
        importlib.import_module(f"{package}.{name}")
    return {
        each.removeprefix(f"{package}."): module
        for each, module in sys.modules.items()
        if each.startswith(f"{package}.")
    }
