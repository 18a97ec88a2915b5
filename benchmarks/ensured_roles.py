"""Measure ensured roles: resources of the stack, size of the function, IAM calls and duration of the first call.

The deployed function runs against the AWS emulator, which logs its calls.
"""

import io
import json
import shutil
import tempfile
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.alternation import Distribution, rounds
from benchmarks.children import ChildError, run_child
from benchmarks.report import Findings, Row, milliseconds_row, table
from embedded_aws.server import EmbeddedAws

_FEW, _MANY = 1, 10
_CUSTOM_RESOURCE = "Custom::ServiceLinkedRole"
_PACKAGE_BYTES = 20 * 1024
_CALLS = 2


def measure(*, at_most: int, seconds: float) -> Findings:
    """Count resources and calls, and measure the duration of first calls.

    Args:
        at_most: The maximum number of first calls, each for a missing and for an existing role.
        seconds: The time in seconds after which no new call starts.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        synthesis = run_child("ensure_roles", str(_FEW), str(_MANY), environment={"CDK_OUTDIR": folder})
        package = Path(shutil.move(next(Path(folder).glob("asset.*")), Path(folder) / "function"))
        templates = {int(count): template for count, template in synthesis.result.items()}
        findings = Findings([*_resource_rows(templates), _package_row(package)], [_resource_table(templates)])
        properties = _properties(templates[_FEW])
        with EmbeddedAws(authorization=False) as aws, _answers() as url:
            function = _Function(aws, package, url, properties)
            findings.rows += _call_rows(function)
            findings.rows += _cold_rows(function, at_most=at_most, seconds=seconds)
    return findings


class _Function:
    """The function of a stack. Each call runs in a new process."""

    def __init__(self, aws: EmbeddedAws, package: Path, url: str, properties: Mapping[str, str]) -> None:
        self._aws = aws
        self._package = package
        self._url = url
        self._properties = dict(properties)
        self.milliseconds: dict[str, float] = {}

    def empty_account(self) -> None:
        self._aws.reset()

    def account_with_role(self) -> None:
        self._aws.reset()
        self._aws.client("iam").create_service_linked_role(AWSServiceName=self._properties["AWSServiceName"])

    def call(self, request_type: str, *, removal_policy: str = "RETAIN") -> list[str]:
        """Call the function, and return the IAM calls that it makes."""
        properties = {**self._properties, "RemovalPolicy": removal_policy}
        event: dict[str, Any] = {
            "RequestType": request_type,
            "ResponseURL": self._url,
            "StackId": f"arn:aws:cloudformation:eu-west-1:{self._aws.account}:stack/Fleet/one",
            "RequestId": "one",
            "ResourceType": _CUSTOM_RESOURCE,
            "LogicalResourceId": "Role",
            "ResourceProperties": properties,
        }
        if request_type != "Create":
            event["PhysicalResourceId"] = properties["RoleName"]
        if request_type == "Update":
            event["OldResourceProperties"] = properties
        before = len(self._aws.calls())
        child = run_child(
            "call_function",
            str(self._package),
            environment=_aws_variables(self._aws),
            standard_input=json.dumps(event),
        )
        if child.result["answer"]["Status"] != "SUCCESS":
            raise ChildError(f"the function failed: {child.result['answer']}")
        self.milliseconds = child.result["milliseconds"]
        return [call.action for call in self._aws.calls()[before:]]


def _call_rows(function: _Function) -> list[Row]:
    rows = []

    def add(when: str, calls: list[str], limit: int | None = None) -> None:
        counted = Counter(call.removeprefix("iam:") for call in calls)
        names = ", ".join(name if count == 1 else f"{name} {count} times" for name, count in counted.items())
        met = None if limit is None else len(calls) <= limit
        target = "" if limit is None else f"at most {limit}"
        rows.append(Row(f"IAM calls, {when}", target, f"{len(calls)}{f' ({names})' if names else ''}", "", met))

    function.empty_account()
    add("role missing", function.call("Create"), _CALLS)
    add("the same event again", function.call("Create"))
    add("update", function.call("Update"))
    add("delete, `RETAIN`", function.call("Delete"), 0)
    add("delete, `DESTROY`, of a role that this stack created", function.call("Delete", removal_policy="DESTROY"))
    function.account_with_role()
    add("role there", function.call("Create"), _CALLS)
    add("delete, `DESTROY`, of a role that was there", function.call("Delete", removal_policy="DESTROY"))
    return rows


def _cold_rows(function: _Function, *, at_most: int, seconds: float) -> list[Row]:
    milliseconds: dict[str, list[float]] = {}
    for _ in rounds(at_most, seconds):
        for state, prepare in (("missing", function.empty_account), ("there", function.account_with_role)):
            prepare()
            function.call("Create")
            for step, value in function.milliseconds.items():
                milliseconds.setdefault(f"{step}, {state}", []).append(value)
    return [
        milliseconds_row("Cold start: importing boto3", _distribution(milliseconds, "boto3, missing", "boto3, there")),
        milliseconds_row(
            "Cold start: importing the function's module beyond it",
            _distribution(milliseconds, "module, missing", "module, there"),
        ),
        milliseconds_row("Cold start: first call, role missing", _distribution(milliseconds, "call, missing")),
        milliseconds_row("Cold start: first call, role there", _distribution(milliseconds, "call, there")),
    ]


def _distribution(milliseconds: Mapping[str, list[float]], *names: str) -> Distribution:
    return Distribution.of([value for name in names for value in milliseconds[name]])


def _resource_rows(templates: Mapping[int, Any]) -> list[Row]:
    few, many = _types(templates[_FEW]), _types(templates[_MANY])
    grown = many - few
    return [
        Row(f"Resources of a stack with {_FEW} ensured role", "", str(few.total())),
        Row(
            f"Resources of a stack with {_MANY} ensured roles",
            "only custom resources grow",
            f"{many.total()}: {', '.join(f'{count} more {name}' for name, count in grown.items())}",
            "",
            grown == Counter({_CUSTOM_RESOURCE: _MANY - _FEW}) and not few - many,
        ),
    ]


def _resource_table(templates: Mapping[int, Any]) -> str:
    few, many = _types(templates[_FEW]), _types(templates[_MANY])
    return table(
        ("Resources, by the number of ensured roles", str(_FEW), str(_MANY)),
        [(f"`{name}`", str(few[name]), str(many[name])) for name in sorted(many)],
    )


def _types(template: Mapping[str, Any]) -> Counter[str]:
    return Counter(resource["Type"] for resource in template["Resources"].values())


def _properties(template: Mapping[str, Any]) -> dict[str, str]:
    return next(
        {name: value for name, value in resource["Properties"].items() if isinstance(value, str)}
        for resource in template["Resources"].values()
        if resource["Type"] == _CUSTOM_RESOURCE
    )


def _package_row(package: Path) -> Row:
    archive = io.BytesIO()
    files = sorted(path for path in package.rglob("*") if path.is_file())
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in files:
            packed.write(path, path.relative_to(package))
    size = archive.getbuffer().nbytes
    unpacked = sum(path.stat().st_size for path in files)
    return Row(
        "Package of the function, zipped",
        f"at most {_PACKAGE_BYTES // 1024} KB",
        f"{size / 1024:.1f} KB ({unpacked / 1024:.1f} KB unpacked)",
        "",
        size <= _PACKAGE_BYTES,
    )


def _aws_variables(aws: EmbeddedAws) -> dict[str, str]:
    # Connections to the loopback interface don't use a proxy.
    variables = {name: value for name, value in aws.environment().items() if name.startswith("AWS_")}
    return {**variables, "NO_PROXY": "*", "no_proxy": "*"}


@contextmanager
def _answers() -> Iterator[str]:
    """Receive the responses to CloudFormation, and return their URL."""

    class Answers(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
