"""Compare the variants of hybrid_roles.py, which create many roles in one stack."""

from collections.abc import Sequence

from benchmarks.alternation import Distribution, Ratio, alternate, rounds
from benchmarks.children import Child, run_child
from benchmarks.report import Findings, Row, ratio_row, table

_SIZES = (50, 100, 200, 400)
_VARIANTS = {
    "library": "`HybridServiceRole`",
    "idiomatic": "`iam.Role`, hand-written",
    "tuned": "`iam.Role`, principal and policy made once",
    "bare": "`iam.CfnRole`, finished policy",
}
_WITHOUT_SYNTHESIS, _WITH_SYNTHESIS = 0, 1
# The benchmark starts new processes regularly, because Node.js never frees the objects of the AWS CDK.
_ROUNDS_PER_PROCESS = 2
# The maximum growth of the time per role, relative to hand-written code, that still counts as linear.
_LINEAR = 1.10


def measure(*, at_most: int, seconds: float, memory_pairs: int, memory_seconds: float) -> Findings:
    """Compare the variants.

    Args:
        at_most: The maximum number of processes.
        seconds: The time in seconds after which no new process starts.
        memory_pairs: The maximum number of pairs of processes that measure the peak memory.
        memory_seconds: The time in seconds after which no new pair starts.

    Raises:
        ChildError: The templates of the variants differ.
    """
    times = _Times()
    for number in rounds(at_most, seconds):
        times.add(_build([*_VARIANTS], _SIZES, first=number * _ROUNDS_PER_PROCESS, rounds=_ROUNDS_PER_PROCESS))
    findings = Findings()
    for size in _SIZES:
        ratio = times.ratio("library", "idiomatic", size, _WITHOUT_SYNTHESIS)
        findings.rows.append(ratio_row(f"Building {size} hybrid roles ({times.count(size)} times)", ratio, 0.5))
    largest = _SIZES[-1]
    findings.rows += [
        ratio_row(
            f"The same {largest}, synthesis included",
            times.ratio("library", "idiomatic", largest, _WITH_SYNTHESIS),
            1.0,
        ),
        ratio_row(
            f"The same {largest}, against tuned hand-written code",
            times.ratio("library", "tuned", largest, _WITHOUT_SYNTHESIS),
        ),
        ratio_row(
            f"The same {largest}, against a bare `iam.CfnRole`",
            times.ratio("library", "bare", largest, _WITHOUT_SYNTHESIS),
            1.6,
        ),
        times.growth_row(),
    ]
    library, idiomatic = alternate(
        lambda: _build(["library"], [largest]),
        lambda: _build(["idiomatic"], [largest]),
        at_most=memory_pairs,
        seconds=memory_seconds,
    )
    memory = Ratio.of([_memory(run) for run in library], [_memory(run) for run in idiomatic])
    findings.rows.append(ratio_row(f"Peak memory of a process that builds {largest} and synthesizes", memory, 1.02))
    findings.details += [
        times.table("Milliseconds per role, built (median, minimum)", _WITHOUT_SYNTHESIS),
        times.table("Milliseconds per role, built and synthesized (median, minimum)", _WITH_SYNTHESIS),
    ]
    return findings


class _Times:
    def __init__(self) -> None:
        self._seconds: dict[tuple[str, int, int], list[float]] = {}

    def add(self, run: Child) -> None:
        for built in run.result["times"]:
            for variant, seconds in built["seconds"].items():
                for kind, value in enumerate(seconds):
                    self._seconds.setdefault((variant, built["size"], kind), []).append(value)

    def count(self, size: int) -> int:
        return len(self._seconds["library", size, _WITHOUT_SYNTHESIS])

    def ratio(self, variant: str, reference: str, size: int, kind: int) -> Ratio:
        return Ratio.of(self._seconds[variant, size, kind], self._seconds[reference, size, kind])

    def growth_row(self) -> Row:
        """Return the row with the growth of the time per role, relative to hand-written code."""
        smallest, largest = _SIZES[0], _SIZES[-1]
        few = self.ratio("library", "idiomatic", smallest, _WITHOUT_SYNTHESIS).pairs.median
        many = self.ratio("library", "idiomatic", largest, _WITHOUT_SYNTHESIS).pairs.median
        alone = [
            f"{self._median(variant, largest) / self._median(variant, smallest):.2f}"
            for variant in ("library", "idiomatic")
        ]
        return Row(
            f"Growth of ms per role from {smallest} to {largest} roles, over that of hand-written code",
            f"linear: at most {_LINEAR:.2f} times",
            f"{many / few:.2f} times",
            f"alone {alone[0]}, hand-written {alone[1]}",
            many / few <= _LINEAR,
        )

    def table(self, title: str, kind: int) -> str:
        lines = []
        for variant, name in _VARIANTS.items():
            values = [Distribution.of(self._per_role(variant, size, kind)) for size in _SIZES]
            lines.append([name, *(f"{value.median:.2f}, {value.minimum:.2f}" for value in values)])
        return table([title, *(str(size) for size in _SIZES)], lines)

    def _median(self, variant: str, size: int) -> float:
        return Distribution.of(self._per_role(variant, size, _WITHOUT_SYNTHESIS)).median

    def _per_role(self, variant: str, size: int, kind: int) -> list[float]:
        return [seconds / size * 1e3 for seconds in self._seconds[variant, size, kind]]


def _build(variants: Sequence[str], sizes: Sequence[int], *, first: int = 0, rounds: int = 1) -> Child:
    return run_child(
        "build_hybrid_roles",
        *("--variants", *variants),
        *("--sizes", *map(str, sizes)),
        *("--first", str(first), "--rounds", str(rounds)),
    )


def _memory(run: Child) -> float:
    return float(run.result["python"] + run.result["node"])
