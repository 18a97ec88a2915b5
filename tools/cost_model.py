"""What the resources of a template cost in a month: quantities from the template, and AWS's public prices."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ssm_roles

ROOT = Path(__file__).resolve().parents[1]
DATA: dict[str, Any] = json.loads((ROOT / "tools" / "prices.json").read_text(encoding="utf-8"))
PRICES: dict[str, dict[str, Any]] = DATA["prices"]
REGIONS: dict[str, str] = DATA["regions"]

DAYS = 30
# Each rotation invokes the function once for each of its four steps.
STEPS_PER_ROTATION = 4
# What the function calls, which tests/lambda_ counts.
SECRET_CALLS_PER_CHECK = 1
SECRET_CALLS_PER_ROTATION = 8
# More than a check writes, with the three lines of AWS Lambda itself.
LOG_BYTES_PER_INVOCATION = 2_000
# An assumption: a check makes two calls.
SECONDS_PER_INVOCATION = 1.0

_FUNCTION = Path(ssm_roles.__file__).parent / "_lambda" / "functions" / "rotate_hybrid_activation.py"
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_MINUTES = {"minute": 1, "hour": 60, "day": 24 * 60}


@dataclass(frozen=True)
class Line:
    """A quantity of what has a price, in a month."""

    price: str
    quantity: float

    @property
    def usd(self) -> float:
        """What it costs in US dollars."""
        return float(self.quantity / PRICES[self.price]["per"] * PRICES[self.price]["usd"])


def lines(resources: Mapping[str, Mapping[str, Any]]) -> list[Line]:
    """Return what the resources of a template cost in a month, without quantities of zero."""
    by_type: dict[str, list[Mapping[str, Any]]] = {}
    for resource in resources.values():
        by_type.setdefault(resource["Type"], []).append(resource.get("Properties", {}))
    _check_types(by_type)
    checks = sum(_times(rule["ScheduleExpression"]) for rule in by_type.get("AWS::Events::Rule", []))
    schedules = by_type.get("AWS::SecretsManager::RotationSchedule", [])
    rotations = sum(_times(schedule["RotationRules"]["ScheduleExpression"]) for schedule in schedules)
    invocations = checks + rotations * STEPS_PER_ROTATION
    memory = max((function["MemorySize"] for function in by_type.get("AWS::Lambda::Function", [])), default=0)
    secrets = len(by_type.get("AWS::SecretsManager::Secret", []))
    rules = len(by_type.get("AWS::Events::Rule", []))
    quantities = {
        "secret": secrets,
        "secret_call": checks * SECRET_CALLS_PER_CHECK + rotations * SECRET_CALLS_PER_ROTATION,
        "metric": secrets * len(metrics_of("handler")) + rules * len(metrics_of("check")),
        "alarm": len(by_type.get("AWS::CloudWatch::Alarm", [])),
        "log_gb": invocations * LOG_BYTES_PER_INVOCATION / 1024**3,
        "request": invocations,
        "gb_second": invocations * SECONDS_PER_INVOCATION * memory / 1024,
        "key": len(by_type.get("AWS::KMS::Key", [])),
    }
    return [Line(price, quantity) for price, quantity in quantities.items() if quantity]


def total(found: list[Line]) -> float:
    """Return the sum in US dollars."""
    return sum(line.usd for line in found)


def metrics_of(function: str) -> set[str]:
    """Return the names of the metrics that a function or method of the rotation function publishes."""
    tree = ast.parse(_FUNCTION.read_text(encoding="utf-8"))
    (found,) = (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef) and each.name == function)
    calls = (each for each in ast.walk(found) if isinstance(each, ast.Call) and isinstance(each.func, ast.Name))
    return {str(word.arg) for call in calls if ast.unparse(call.func) == "publish" for word in call.keywords}


def golden(*names: str) -> Iterator[Mapping[str, Any]]:
    """Yield the resources of golden templates, which the tests compare with those of the examples."""
    for name in names:
        template = json.loads((ROOT / "tests" / "snapshots" / f"{name}.json").read_text(encoding="utf-8"))
        yield template["Resources"]


def _times(schedule: str) -> float:
    """Return how often a schedule fires in a month."""
    rate = _RATE.fullmatch(schedule)
    if rate is None:
        raise ValueError(f"the schedule must be a rate, got {schedule!r}")
    return DAYS * 24 * 60 / (int(rate[1]) * _MINUTES[rate[2]])


def _check_types(by_type: Mapping[str, object]) -> None:
    for resource_type in by_type:
        if resource_type not in DATA["counted"] and not resource_type.startswith(tuple(DATA["free"])):
            raise ValueError(f"tools/prices.json must have a price of {resource_type}, or say that it is free")
