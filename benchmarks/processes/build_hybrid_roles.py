"""Build many roles in one stack, in each way of hybrid_roles.py, some roles in turn; print the seconds.

The ways must give the same template: the largest stack of each is compared before anything is timed, which also has
CDK load what it loads once a process.
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

# So few that whatever else the machine begins to do hits all ways alike.
_ROLES_IN_TURN = 10


@dataclass
class Built:
    """The seconds that one stack took, and its template."""

    without_synthesis: float
    with_synthesis: float
    template: dict[str, Any]


def build(names: Sequence[str], count: int) -> dict[str, Built]:
    """Build a stack in each of these ways, in this order.

    Args:
        names: The ways.
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


def refuse_different_templates(names: list[str], count: int) -> None:
    templates = {name: built.template for name, built in build(names, count).items()}
    for name, template in templates.items():
        # A resource that no construct surrounds has another logical ID, and the same content.
        compared = _without_logical_ids if name == "bare" else _unchanged
        if compared(template) != compared(templates[names[0]]) or len(template["Resources"]) != count:
            raise SystemExit(f"{name} does not give the template of {names[0]}: the times would mean nothing")


def _without_logical_ids(template: dict[str, Any]) -> dict[str, Any]:
    return {**template, "Resources": list(template["Resources"].values())}


def _unchanged(template: dict[str, Any]) -> dict[str, Any]:
    return template


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, required=True)
    parser.add_argument("--sizes", nargs="+", type=int, required=True)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first round, which turns the order")
    arguments = parser.parse_args()
    names: list[str] = arguments.variants
    if len(names) > 1:
        refuse_different_templates(names, max(arguments.sizes))
        # What is there already is no work for the collector, whoever is timed when it runs.
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
