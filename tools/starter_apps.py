"""Writes the texts of `ssm-roles init`: apps from the examples, and the flags that the AWS CDK CLI recommends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEXTS = ROOT / "ssm_roles" / "_projects"
EXAMPLES = {
    "hybrid-nodes": "rotating_activation",
    "runbooks": "runbook",
    "service-linked-roles": "service_linked_roles",
}
# What `cdk init` writes.
FLAGS = ROOT / "node_modules" / "aws-cdk" / "lib" / "init-templates" / ".recommended-feature-flags.json"


def written() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each file."""
    for task, example in EXAMPLES.items():
        text = (ROOT / "examples" / f"{example}.py").read_text(encoding="utf-8")
        # There, `cdk.json` has the command.
        yield f"{task}.txt", text.replace(f' --app "python examples/{example}.py"', "")
    yield "cdk.json", json.dumps({"app": "python app.py", "context": flags()}, indent=2) + "\n"


def flags() -> dict[str, object]:
    """Read the flags, in an order that doesn't change when one is added."""
    recommended = json.loads(FLAGS.read_text(encoding="utf-8"))
    return dict(sorted(recommended.items()))


if __name__ == "__main__":
    TEXTS.mkdir(exist_ok=True)
    for name, text in written():
        (TEXTS / name).write_text(text, encoding="utf-8", newline="\n")
