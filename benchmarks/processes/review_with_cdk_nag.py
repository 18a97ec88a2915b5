"""Review all templates of a folder with cdk-nag, each in a stack that includes it, and print what the rules report."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from aws_cdk import App, Stack
from aws_cdk.cloudformation_include import CfnInclude
from cdk_nag import AwsSolutionsChecks


def include(app: App, files: dict[str, Path]) -> list[str]:
    """Include each file in a stack of its own, and return the IDs of those that can't be read.

    Args:
        app: An app without stacks.
        files: The files by the IDs of their stacks.
    """
    unreadable = []
    for stack_id, path in files.items():
        try:
            CfnInclude(Stack(app, stack_id), "Template", template_file=str(path))
        except RuntimeError:  # This is how errors of the AWS CDK arrive.
            app.node.try_remove_child(stack_id)
            unreadable.append(stack_id)
    return unreadable


def findings(app: App) -> Iterator[tuple[str, str]]:
    """Yield the ID of the stack and the rule of each finding, without what the rule reports in particular."""
    for violation in AwsSolutionsChecks(app).validate_scope(app).violations:
        for resource in violation.violating_resources:
            yield str(resource.construct_path).partition("/")[0], violation.rule_name.partition("[")[0]


def main() -> None:
    folder = Path(sys.argv[1])
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = {f"Stack{number}": path for number, path in enumerate(paths)}
    app = App()
    unreadable = include(app, files)
    found = [(str(files[stack_id].relative_to(folder)), rule) for stack_id, rule in findings(app)]
    print(json.dumps({"findings": found, "unreadable": len(unreadable)}))


if __name__ == "__main__":
    main()
