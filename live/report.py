"""The report of a run, in Markdown."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

from .check import Check, Outcome, Result
from .checks import TOPICS
from .target import Target

_REPOSITORY = "https://github.com/ssm-roles/ssm-roles/blob/main"
_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")


@dataclass
class ExampleResult:
    """What became of an example.

    Attributes:
        name: The name of the example.
        seconds: How long its deployment took.
        error: The end of the CLI's output if the deployment failed.
    """

    name: str
    seconds: float
    error: str | None = None


@dataclass
class Report:
    """The report of a run.

    Attributes:
        target: The account and Region.
        run_id: The ID of the run.
        began: When the run began.
        estimate: The cost and the duration that were stated before.
        examples: What became of the examples.
        results: The results of the checks.
        created: What checks created.
        deleted: What was deleted.
        left: What was not deleted, and why.
        aborted: Why the run ended early, if it did.
        seconds: The duration of the run.
    """

    target: Target
    run_id: str
    estimate: str
    began: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    examples: list[ExampleResult] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    created: Sequence[str] = ()
    deleted: Sequence[str] = ()
    left: Mapping[str, str] = field(default_factory=dict)
    aborted: str | None = None
    seconds: float = 0.0

    @property
    def sorted_results(self) -> list[Result]:
        """The results in the order of the topics."""
        order = [check.id for checks in TOPICS.values() for check in checks]
        return sorted(self.results, key=lambda each: order.index(each.check.id))

    def of(self, outcome: Outcome) -> list[Result]:
        """Return the results with an outcome."""
        return [each for each in self.results if each.outcome is outcome]

    def text(self) -> str:
        """Return the report, in which account IDs are masked."""
        return _ACCOUNT.sub("************", "\n".join(self._lines())) + "\n"

    def summary(self) -> str:
        """Return one line with the numbers."""
        counts = ", ".join(f"{len(self.of(outcome))} {outcome.value}" for outcome in Outcome)
        return f"{len(self.results)} checks: {counts}"

    def _lines(self) -> Iterator[str]:
        place = "the AWS emulator" if self.target.is_emulator else "AWS"
        yield "# Live test of ssm_roles\n"
        yield f"* Run {self.run_id} on {place}, in {self.target.region}, began {self.began:%Y-%m-%d %H:%M:%S} UTC."
        yield f"* It took {_minutes(self.seconds)}. The estimate was {self.estimate}"
        yield f"* {self.summary()}."
        if self.aborted is not None:
            yield f"* **The run ended early**: {self.aborted}"
        yield f"* {f'**{len(self.left)} resources are left**, see the end.' if self.left else 'Nothing is left.'}"
        yield "\n## Examples\n"
        yield "| example | result | duration |\n|---|---|---|"
        for example in self.examples:
            result = "deployed" if example.error is None else f"failed: {_cell(example.error)}"
            yield f"| {example.name} | {result} | {_minutes(example.seconds)} |"
        yield "\n## Checks\n"
        yield "| check | result | duration |\n|---|---|---|"
        for each in self.sorted_results:
            yield f"| [{each.check.id}](#{each.check.id}) | {_shown(each.outcome)} | {each.seconds:.1f} s |"
        yield from self._sections()
        yield "\n## Created and deleted\n"
        yield f"The checks created {len(self.created)} resources. The examples created their stacks.\n"
        yield from _list("Deleted", self.deleted)
        yield from _list("Left", [f"{what}: {reason}" for what, reason in self.left.items()])

    def _sections(self) -> Iterator[str]:
        topics = {check.id: topic for topic, checks in TOPICS.items() for check in checks}
        last = None
        for each in self.sorted_results:
            topic = topics[each.check.id]
            if topic != last:
                yield f"\n## {topic}"
            last = topic
            yield from _section(each)


def _section(result: Result) -> Iterator[str]:
    check: Check = result.check
    yield f"\n### {check.id}\n"
    yield f"{check.statement}\n"
    yield f"* Result: {_shown(result.outcome)}, after {result.seconds:.1f} s"
    yield f"* {'Reason' if result.outcome is Outcome.NOT_CHECKED else 'Evidence'}: {_cell(result.evidence)}"
    yield f"* Source: <{check.source}>"
    files = ", ".join(f"[{path}]({_REPOSITORY}/{path})" for path in check.relied_on)
    yield f"* Relied on by: {files}"
    if result.calls:
        yield f"* Last calls: {'; '.join(result.calls)}"


def _list(title: str, lines: Sequence[str]) -> Iterator[str]:
    yield f"\n### {title}\n"
    yield from (f"* {_cell(line)}" for line in lines)
    if not lines:
        yield "Nothing."


def _shown(outcome: Outcome) -> str:
    return f"**{outcome.value}**" if outcome is Outcome.CONTRADICTED else outcome.value


def _cell(text: str) -> str:
    """Return a text that is one line and ends no cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
