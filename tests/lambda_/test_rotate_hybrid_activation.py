"""The function that rotates hybrid activations, on the Systems Manager and Secrets Manager of the embedded AWS."""

from __future__ import annotations

import pytest

from .answer_endpoint import AnswerEndpoint
from .rotation_stack import RotationStack


@pytest.fixture(scope="module")
def bench(endpoint: AnswerEndpoint) -> RotationStack:
    return RotationStack(endpoint)


def test_x(bench: RotationStack) -> None:
    with bench.deployed() as stack:
        t = stack.rotate()
        print(stack.labels(), stack.ours(), [c.action for c in stack.aws.calls])
        stack.aws.calls.clear()
        u = stack.rotate()
        print(stack.labels(), stack.alive(), [c.action for c in stack.aws.calls])
        stack.aws.calls.clear()
        print(stack.check(), [c.action for c in stack.aws.calls])
        stack.register_node()
        stack.register_node()
        print(stack.check(), stack.version("AWSPENDING"))
        stack.let_secrets_manager_work()
        print(stack.check(), stack.labels())
        stack.aws.calls.clear()
        r = stack.run(stack.resource.delete(stack.properties, "x"))
        print(r.answer, [c.action for c in stack.aws.calls], stack.ours())
        stack.check_silence()
        print("\n".join(stack.said))
