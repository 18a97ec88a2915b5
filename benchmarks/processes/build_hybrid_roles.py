"""Build many roles in one stack with the variants of hybrid_roles.py alternately, and print the durations in seconds.

All variants must create the same template. The script compares the largest stacks before it measures, which also loads
the modules that the AWS CDK loads once per process.
"""

import argparse
import gc
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import App, Stack

from benchmarks.hybrid_roles import VARIANTS
from benchmarks.processes.peak_memory import peak_kilobytes

# Few roles per turn, so that other load on the machine affects all variants equally.
_ROLES_IN_TURN = 10


@dataclass
class Built:
    """The durations of building a stack in seconds, and its template."""

    without_synthesis: float
    with_synthesis: float
    template: dict[str, Any]


def build(names: Sequence[str], count: int) -> dict[str, Built]:
    """Build a stack with each variant, in the given order.

    Args:
        names: The names of the variants.
        count: The number of roles.
    """
    with tempfile.TemporaryDirectory() as folder:
        apps = {name: App(outdir=str(Path(folder) / name)) for name in names}
        stacks = {name: Stack(app, "Stack") for name, app in apps.items()}
        seconds = dict.fromkeys(names, 0.0)
        makers = {}
        gc.collect()
        for name in names:
            started = time.perf_counter()
            makers[name] = VARIANTS[name](stacks[name])
            seconds[name] += time.perf_counter() - started
        for first in range(0, count, _ROLES_IN_TURN):
            for name in names:
                make_role = makers[name]
                started = time.perf_counter()
                for number in range(first, min(first + _ROLES_IN_TURN, count)):
                    make_role(f"Role{number}")
                seconds[name] += time.perf_counter() - started
        built = {}
        for name in names:
            gc.collect()
            started = time.perf_counter()
            assembly = apps[name].synth()
            synthesis = time.perf_counter() - started
            template = assembly.get_stack_by_name("Stack").template
            built[name] = Built(seconds[name], seconds[name] + synthesis, template)
        return built


def reject_different_templates(names: list[str], count: int) -> None:
    templates = {name: built.template for name, built in build(names, count).items()}
    for name, template in templates.items():
        # Without a construct around it, a resource has a different logical ID.
        compared = _without_logical_ids if name == "bare" else _unchanged
        if compared(template) != compared(templates[names[0]]) or len(template["Resources"]) != count:
            raise SystemExit(f"{name} must create the same template as {names[0]}, got a different one")


def _without_logical_ids(template: dict[str, Any]) -> dict[str, Any]:
    return {**template, "Resources": list(template["Resources"].values())}


def _unchanged(template: dict[str, Any]) -> dict[str, Any]:
    return template


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, required=True)
    parser.add_argument("--sizes", nargs="+", type=int, required=True)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first round, which sets the order")
    arguments = parser.parse_args()
    names: list[str] = arguments.variants
    if len(names) > 1:
        reject_different_templates(names, max(arguments.sizes))
        # The garbage collector must not process existing objects during a measurement.
        gc.collect()
        gc.freeze()
    times = []
    for number in range(arguments.first, arguments.first + arguments.rounds):
        for size in arguments.sizes:
            turn = number % len(names)
            order = [*names[turn:], *names[:turn]]
            seconds = {
                name: [built.without_synthesis, built.with_synthesis] for name, built in build(order, size).items()
            }
            times.append({"size": size, "seconds": seconds})
    print(json.dumps({"times": times, **peak_kilobytes()}))


if __name__ == "__main__":
    main()
