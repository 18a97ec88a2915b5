"""What a page of the documentation shows: its programs, and the outputs of `cdk diff`."""

from __future__ import annotations

import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedded_aws.server import REPOSITORY
from tests.deploy.account import Account

# A block can be in a list, which indents it.
_FENCED = re.compile(r"^(?P<indent> *)```(?P<language>\w+)\n(?P<source>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE)
_RESOURCE = re.compile(r"^\[[-+~]\] \S+ \S.*$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """A page, which the wheel is tested without."""

    path: Path

    @classmethod
    def task(cls, name: str) -> Page:
        return cls(REPOSITORY / "docs" / "tasks" / f"{name}.md")

    @property
    def exists(self) -> bool:
        return self.path.exists()

    def blocks(self, language: str) -> list[str]:
        """Return the blocks in a language, without the indentation of lists."""
        text = self.path.read_text(encoding="utf-8")
        return [
            re.sub(rf"^{match['indent']}", "", match["source"], flags=re.MULTILINE)
            for match in _FENCED.finditer(text)
            if match["language"] == language
        ]


def synthesize(account: Account, program: str) -> Path:
    """Run a program of a page with `cdk synth`, as a reader does, and return the folder of its cloud assembly."""
    app = Path(tempfile.mkdtemp(dir=account.aws.directory)) / "app.py"
    app.write_text(program, encoding="utf-8")
    # The CDK's own review of the templates would take most of the time.
    return account.cdk.synth(["env", "CDK_VALIDATION=false", sys.executable, str(app)])


def build(program: str) -> Path:
    """Run a program here, which is quicker. Its template has no metadata with the paths of the constructs."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(program, "page", "exec"), names)
    return Path(names["app"].synth().directory)


def diff(account: Account, assembly: Path) -> str:
    """Return what `cdk diff` prints, which creates a change set to tell what is replaced."""
    return account.cdk.run("diff", "--app", str(assembly)).output


def resources(output: str) -> list[str]:
    """Return the lines of `cdk diff` that begin the changes of a resource."""
    return [line.rstrip() for line in _RESOURCE.findall(output) if "CDKMetadata" not in line]


def assert_shows(shown: str, output: str) -> None:
    """Require that an output has the lines that a page shows, in this order. A page can leave out lines."""
    remaining = iter([line.rstrip() for line in output.splitlines()])
    for line in shown.splitlines():
        assert any(line.rstrip() == each for each in remaining), f"{line!r} is not in the output:\n{output}"
