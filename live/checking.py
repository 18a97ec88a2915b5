"""Runs checks, one after the other, and turns what they raise into results."""

import time
import traceback
from collections.abc import Callable, Iterable, Iterator

from botocore.exceptions import BotoCoreError, ClientError

from .check import Check, ContradictedError, NotCheckedError, Outcome, Result
from .run import Run
from .sandbox import Ledger, Sandbox, code_and_message, is_denied
from .target import Target

_CALLS = 6


def run_checks(
    checks: Iterable[Check],
    target: Target,
    run: Run,
    ledger: Ledger,
    *,
    organizational_unit: str | None = None,
    before: Callable[[Check], object] = lambda check: None,
) -> Iterator[Result]:
    """Yield the result of each check.

    Args:
        checks: The checks.
        target: The account and Region.
        run: The run.
        ledger: Records what the checks create and delete.
        organizational_unit: The ID of an organizational unit for the checks that need one.
        before: What to do before each check.
    """
    for check in checks:
        before(check)
        begun, first = time.monotonic(), len(target.calls)
        outcome, evidence, failed = _outcome(check, Sandbox(target, run, ledger, organizational_unit))
        calls = [str(call) for call in target.calls[first:]]
        yield Result(check, outcome, evidence, time.monotonic() - begun, calls[-_CALLS:], failed)


def _outcome(check: Check, sandbox: Sandbox) -> tuple[Outcome, str, bool]:
    try:
        with sandbox:
            return Outcome.CONFIRMED, check.verify(sandbox), False
    except ContradictedError as error:
        return Outcome.CONTRADICTED, str(error), False
    except NotCheckedError as error:
        return Outcome.NOT_CHECKED, str(error), False
    except ClientError as error:
        reason = f"{error.operation_name}: {': '.join(code_and_message(error))}"
        return Outcome.NOT_CHECKED, reason if is_denied(error) else f"unexpected error: {reason}", not is_denied(error)
    except BotoCoreError as error:
        return Outcome.NOT_CHECKED, f"unexpected error: {error}", True
    except Exception as error:  # One check must not keep the others from running, nor the run from cleaning up.
        place = traceback.extract_tb(error.__traceback__)[-1]
        return Outcome.NOT_CHECKED, f"unexpected error: {type(error).__name__}: {error} ({place.name})", True
