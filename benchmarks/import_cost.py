"""Measure `import ssm_roles` after the imports of hand-written code, `aws_cdk` and its `aws_iam`."""

from benchmarks.alternation import Distribution, Ratio, alternate
from benchmarks.children import Child, run_child
from benchmarks.report import Findings, milliseconds_row, ratio_row


def measure(*, at_most: int, seconds: float) -> Findings:
    """Compare processes that import the library with processes that don't.

    Args:
        at_most: The maximum number of processes of each kind.
        seconds: The time in seconds after which no new process starts.
    """
    _import("library")  # This writes the bytecode files.
    library, nothing = alternate(
        lambda: _import("library"), lambda: _import("nothing"), at_most=at_most, seconds=seconds
    )
    names = [_import("every name") for _ in library]
    return Findings(
        [
            milliseconds_row(
                f"`import ssm_roles` beyond `import aws_cdk` and `aws_iam` ({len(library)} processes)",
                Distribution.of([run.result["milliseconds"] for run in library]),
                5,
            ),
            milliseconds_row(
                f"The same, with every name used ({len(names)} processes)",
                Distribution.of([run.result["milliseconds"] for run in names]),
                25,
            ),
            ratio_row(
                "The same, peak memory of Python and Node.js",
                Ratio.of([_memory(run) for run in library], [_memory(run) for run in nothing]),
                1.02,
            ),
        ]
    )


def _import(what: str) -> Child:
    return run_child("import_library", what)


def _memory(run: Child) -> float:
    return float(run.result["python"] + run.result["node"])
