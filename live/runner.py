"""A run: it deploys examples, runs checks, deletes everything and writes the report."""

import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from .cdk import CdkCli, DeploymentError, require_bootstrap
from .check import Check, Outcome
from .checking import run_checks
from .cleanup import Cleaner
from .cost import PRICES_AS_OF, Cost, total_usd
from .examples import Example, regions_of
from .report import ExampleResult, Report
from .run import Run
from .sandbox import Ledger
from .target import RefusedError, Target

Tell = Callable[[str], object]


@dataclass(frozen=True)
class Plan:
    """What a run does.

    Attributes:
        examples: The examples to deploy.
        checks: The checks to run.
        organizational_unit: The ID of an organizational unit for the checks that need one.
    """

    examples: Sequence[Example]
    checks: Sequence[Check]
    organizational_unit: str | None = None

    @property
    def seconds(self) -> int:
        """How long the run takes on AWS."""
        return sum(each.seconds for each in self.examples) + sum(each.seconds for each in self.checks)

    @property
    def costs(self) -> list[Cost]:
        """What the examples cost."""
        return [cost for each in self.examples for cost in each.costs]

    def estimate(self) -> str:
        """Return the cost and the duration of the run in words."""
        usd = max(0.01, total_usd(self.costs, self.seconds))
        return f"about {self.seconds / 60:.0f} minutes and at most {usd:.2f} US dollars."

    def lines(self) -> Iterator[str]:
        """Yield what the run does, and what it costs."""
        yield f"The run takes {self.estimate()} Prices are as of {PRICES_AS_OF}; the free tier is not counted."
        for cost in self.costs:
            yield f"  {cost.count} x {cost.price.what}: {cost.usd(3600):.4f} USD an hour ({cost.price.source})"
        yield f"It deploys {len(self.examples)} examples: {', '.join(each.name for each in self.examples) or 'none'}."
        yield f"It runs {len(self.checks)} checks, which create roles, activations, nodes, secrets and stacks."
        adopted = sorted({name for each in self.examples for name in each.adopts})
        if adopted:
            yield f"It adopts these service-linked roles, or creates and deletes them: {', '.join(adopted)}."
        yield "Everything is deleted at the end, also after a failure and after Ctrl+C."


def run_plan(target: Target, plan: Plan, run: Run, report_file: Path, tell: Tell) -> Report:
    """Carry out a plan, and write the report.

    Args:
        target: The account and Region.
        plan: The plan.
        run: The run.
        report_file: The file of the report.
        tell: Prints a line.

    Raises:
        RefusedError: A Region of the examples isn't bootstrapped.
    """
    regions = regions_of(plan.examples, target.region)
    if plan.examples:
        require_bootstrap(target, regions)
    report = Report(target, run.id, plan.estimate())
    ledger = Ledger()
    begun = time.monotonic()
    try:
        with _Interrupts() as interrupts:
            _carry_out(target, plan, run, report, ledger, tell, interrupts)
            interrupts.check()
    except KeyboardInterrupt:
        report.aborted = "it was interrupted"
        tell("Interrupted. Deleting what the run has created. Another Ctrl+C leaves it to `make live-clean`.")
    except Exception as error:
        report.aborted = f"{type(error).__name__}: {error}"
        raise
    finally:
        cleaner = Cleaner(target, regions, run.id, tell=tell)
        try:
            cleaner.delete()
        except KeyboardInterrupt:
            cleaner.left["the rest"] = "the clean-up was interrupted: run `make live-clean`"
        report.created = ledger.created
        report.deleted = [*ledger.deleted, *cleaner.deleted]
        report.left = cleaner.left
        report.seconds = time.monotonic() - begun
        report_file.write_text(report.text(), encoding="utf-8")
    return report


class _Interrupts:
    """SIGINT and SIGTERM interrupt the run, also where Python ignores exceptions, such as in finalizers."""

    def __init__(self) -> None:
        self._received = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "_Interrupts":
        self._before = {number: signal.signal(number, self._interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        self._received = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raise `KeyboardInterrupt` if a signal was received."""
        if self._received:
            raise KeyboardInterrupt


def _carry_out(
    target: Target, plan: Plan, run: Run, report: Report, ledger: Ledger, tell: Tell, interrupts: _Interrupts
) -> None:
    def check(checks: Sequence[Check]) -> None:
        checking = run_checks(
            checks,
            target,
            run,
            ledger,
            organizational_unit=plan.organizational_unit,
            before=lambda each: tell(f"checking {each.id}"),
        )
        for result in checking:
            report.results.append(result)
            interrupts.check()
            if result.outcome is Outcome.CONTRADICTED:
                tell(f"  contradicted: {result.evidence}")

    # Examples create what some checks create, too, such as service-linked roles.
    check([each for each in plan.checks if each.example is None])
    with tempfile.TemporaryDirectory(prefix="ssm-roles-live-") as directory:
        if plan.examples:
            cdk = CdkCli(target, Path(directory))
            tell(f"synthesizing {len(plan.examples)} examples")
            try:
                assemblies = cdk.synthesize(run, [each.name for each in plan.examples])
            except DeploymentError as error:
                raise RefusedError(f"the examples can't be synthesized: {error}") from None
            for example in plan.examples:
                tell(f"deploying {example.name}")
                report.examples.append(_deployed(cdk, example, assemblies))
                interrupts.check()
    check([each for each in plan.checks if each.example is not None])


def _deployed(cdk: CdkCli, example: Example, assemblies: Path) -> ExampleResult:
    begun = time.monotonic()
    try:
        cdk.deploy(assemblies / example.name)
    except DeploymentError as error:
        return ExampleResult(example.name, time.monotonic() - begun, str(error))
    return ExampleResult(example.name, time.monotonic() - begun)
