"""Compare each role construct, and an app with all of them, with hand-written code for the same template."""

from benchmarks.alternation import Ratio, rounds
from benchmarks.children import run_child
from benchmarks.report import Findings, ratio_row, table
from benchmarks.service_roles import WAYS

# The benchmark starts new processes regularly, because Node.js never frees the objects of the AWS CDK.
_ROUNDS_PER_PROCESS = 4


def measure(*, at_most: int, seconds: float) -> Findings:
    """Compare both sides of each construct.

    Args:
        at_most: The maximum number of processes.
        seconds: The time in seconds after which no new process starts.

    Raises:
        ChildError: The templates of both sides differ.
    """
    calls: dict[str, list[list[int]]] = {}
    times: dict[tuple[str, str], tuple[list[float], list[float]]] = {}
    for number in rounds(at_most, seconds):
        first = str(number * _ROUNDS_PER_PROCESS)
        run = run_child("build_service_roles", "--first", first, "--rounds", str(_ROUNDS_PER_PROCESS))
        calls = run.result["calls"]
        for each in run.result["times"]:
            for kind in ("built", "synthesized"):
                library, handwritten = times.setdefault((each["name"], kind), ([], []))
                library.append(each[kind][0])
                handwritten.append(each[kind][1])
    findings = Findings([ratio_row(f"Building `{name}`", Ratio.of(*times[name, "built"]), 0.95) for name in WAYS])
    findings.rows += [
        ratio_row("Building an app with every role", Ratio.of(*times["all", "built"]), 1.05),
        ratio_row("Building and synthesizing it", Ratio.of(*times["all", "synthesized"]), 1.1),
    ]
    findings.details.append(
        table(
            ("Calls into Node.js", "first of its stack", "each more", "hand-written"),
            [(f"`{name}`", str(first), str(more), str(other)) for name, ((first, more), (_, other)) in calls.items()],
        )
    )
    return findings
