"""Measure ensured roles: resources of the stack, size of the function, IAM calls and duration of the first call.

The function is deployed to the AWS emulator, which logs its calls. For its first calls, it runs in a new process.
"""

import io
import json
import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.alternation import Distribution, rounds
from benchmarks.children import ChildError, run_child
from benchmarks.report import Findings, Row, milliseconds_row, table
from embedded_aws.response_proxy import ResponseProxy, response_host
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
        templates = {int(count): template for count, template in synthesis.result["counted"].items()}
        findings = Findings([*_resource_rows(templates), _package_row(package)], [_resource_table(templates)])
        properties = _properties(templates[_FEW])
        with EmbeddedAws() as aws, ResponseProxy(lambda *_: 200) as proxy:
            findings.rows += _call_rows(_Deployments(aws, synthesis.result["deployed"]))
            function = _Function(aws, proxy, package, properties)
            findings.rows += _cold_rows(function, at_most=at_most, seconds=seconds)
    return findings


class _Deployments:
    """One stack with one ensured role, which CloudFormation of the emulator deploys."""

    def __init__(self, aws: EmbeddedAws, templates: Mapping[str, Any]) -> None:
        self._aws = aws
        self._templates = templates
        self._cloudformation = aws.client("cloudformation")

    def start(self, *, with_role: bool) -> None:
        """Empty the account, and create the role unless it is missing."""
        self._aws.reset()
        self._aws.set_deletion_seconds(0)
        if with_role:
            self._aws.client("iam").create_service_linked_role(AWSServiceName="ssm.amazonaws.com")

    def create(self, template: str) -> list[str]:
        return self._calls("create_stack", "stack_create_complete", TemplateBody=json.dumps(self._templates[template]))

    def update(self, template: str) -> list[str]:
        return self._calls("update_stack", "stack_update_complete", TemplateBody=json.dumps(self._templates[template]))

    def delete(self) -> list[str]:
        return self._calls("delete_stack", "stack_delete_complete")

    def _calls(self, operation: str, waiter: str, **parameters: str) -> list[str]:
        """Deploy, and return the calls of the function except for those that write its log."""
        before = len(self._aws.calls())
        capabilities = {} if operation == "delete_stack" else {"Capabilities": ["CAPABILITY_NAMED_IAM"]}
        getattr(self._cloudformation, operation)(StackName="Fleet", **capabilities, **parameters)
        self._cloudformation.get_waiter(waiter).wait(StackName="Fleet", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        return [
            call.action
            for call in self._aws.calls()[before:]
            if "EnsureServiceLinkedRoles" in call.principal_arn and not call.action.startswith("logs:")
        ]


def _call_rows(stack: _Deployments) -> list[Row]:
    rows = []

    def add(when: str, calls: list[str], limit: int | None = None) -> None:
        counted = Counter(call.removeprefix("iam:") for call in calls)
        names = ", ".join(name if count == 1 else f"{name} {count} times" for name, count in counted.items())
        of_iam = [call for call in calls if call.startswith("iam:")]
        met = None if limit is None else len(of_iam) <= limit
        target = "" if limit is None else f"at most {limit}"
        rows.append(Row(f"IAM calls, {when}", target, f"{len(of_iam)}{f' ({names})' if names else ''}", "", met))

    stack.start(with_role=False)
    add("role missing", stack.create("RETAIN"), _CALLS)
    add("update of the description", stack.update("described"))
    add("delete, `RETAIN`", stack.delete(), 0)
    stack.start(with_role=False)
    stack.create("DESTROY")
    add("delete, `DESTROY`, of a role that this stack created", stack.delete())
    stack.start(with_role=True)
    add("role there", stack.create("DESTROY"), _CALLS)
    add("delete, `DESTROY`, of a role that was there", stack.delete())
    return rows


class _Function:
    """The function of a stack. Each call runs in a new process."""

    def __init__(self, aws: EmbeddedAws, proxy: ResponseProxy, package: Path, properties: Mapping[str, str]) -> None:
        self._aws = aws
        self._proxy = proxy
        self._package = package
        self._properties = dict(properties)
        self.milliseconds: dict[str, float] = {}

    def empty_account(self) -> None:
        self._aws.reset()

    def account_with_role(self) -> None:
        self._aws.reset()
        self._aws.client("iam").create_service_linked_role(AWSServiceName=self._properties["AWSServiceName"])

    def create(self) -> None:
        """Call the function with the event of a creation, and measure its steps."""
        stack_id = f"arn:aws:cloudformation:{self._aws.region}:{self._aws.account}:stack/Fleet/one"
        event: dict[str, Any] = {
            "RequestType": "Create",
            "ResponseURL": f"https://{response_host(self._aws.region)}/one",
            "StackId": stack_id,
            "RequestId": "one",
            "ResourceType": _CUSTOM_RESOURCE,
            "LogicalResourceId": "Role",
            "ResourceProperties": self._properties,
        }
        aws = {name: value for name, value in self._aws.environment().items() if name.startswith("AWS_")}
        child = run_child(
            "call_function",
            str(self._package),
            environment={
                **aws,
                "STACK_ID": stack_id,
                "URL_SUFFIX": "amazonaws.com",
                "https_proxy": self._proxy.url,
                "SSL_CERT_FILE": self._proxy.ca_file,
                "NO_PROXY": "localhost,127.0.0.1",
            },
            standard_input=json.dumps(event),
        )
        if child.result["answer"]["Status"] != "SUCCESS":
            raise ChildError(f"the function failed: {child.result['answer']}")
        self.milliseconds = child.result["milliseconds"]


def _cold_rows(function: _Function, *, at_most: int, seconds: float) -> list[Row]:
    milliseconds: dict[str, list[float]] = {}
    for _ in rounds(at_most, seconds):
        for state, prepare in (("missing", function.empty_account), ("there", function.account_with_role)):
            prepare()
            function.create()
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
