"""Synthesize examples for a run: their files run unchanged, with stack names and tags of the run.

    python -m live.app RUN_ID FOLDER EXAMPLE...

Each example's cloud assembly is in FOLDER/EXAMPLE. The names of stacks, which CloudFormation also puts into the
names of most resources, begin with the ID of the run, and everything has its tag.
"""

import functools
import runpy
import sys
from pathlib import Path
from typing import Any

import aws_cdk
from aws_cdk import App, Tags

from .run import TAG_KEY, Run

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def synthesize(name: str, run: Run, folder: Path) -> Path:
    """Synthesize an example, and return the folder of its cloud assembly."""
    made_app, made_stack = aws_cdk.App.__init__, aws_cdk.Stack.__init__
    assembly = folder / name

    @functools.wraps(made_app)
    def make_app(self: App, **options: Any) -> None:  # noqa: ANN401
        made_app(self, **{**options, "outdir": str(assembly)})
        Tags.of(self).add(TAG_KEY, run.id)

    @functools.wraps(made_stack)
    def make_stack(self: aws_cdk.Stack, scope: Any = None, id: Any = None, **options: Any) -> None:  # noqa: ANN401
        # Stacks in other constructs, such as the parts of a rollout, aren't deployed by their names.
        if isinstance(scope, App):
            given = options.get("stack_name")
            options["stack_name"] = run.stack_name(name, str(id if given is None else given))
        made_stack(self, scope, id, **options)

    aws_cdk.App.__init__, aws_cdk.Stack.__init__ = make_app, make_stack  # type: ignore[method-assign]
    try:
        runpy.run_path(str(EXAMPLES / f"{name}.py"))
    finally:
        aws_cdk.App.__init__, aws_cdk.Stack.__init__ = made_app, made_stack  # type: ignore[method-assign]
    return assembly


def main() -> None:
    """Synthesize the examples that the arguments name."""
    run_id, folder, *names = sys.argv[1:]
    for name in names:
        synthesize(name, Run(run_id), Path(folder))


if __name__ == "__main__":
    main()
