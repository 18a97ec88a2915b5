"""The command line of the live tests: `run` and `clean`. `make live` and `make live-clean` call it."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from .check import Check, Outcome
from .checks import CHECKS
from .cleanup import Cleaner
from .examples import EXAMPLES, chosen, regions_of
from .run import RUN_ID, TAG_KEY, Run
from .runner import Plan, run_plan
from .target import RefusedError, Target, open_target

REPORT = Path("live-report.md")
_CONTRADICTED, _REFUSED, _LEFT, _INTERRUPTED = 1, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit code.

    0: Nothing was contradicted and nothing is left. 1: A check was contradicted, or failed. 2: The run was refused.
    3: Something is left. 130: The run was interrupted.
    """
    options = _parser().parse_args(arguments)
    try:
        target = open_target(
            options.account, options.region, profile=options.profile, endpoint_url=options.endpoint_url
        )
        if options.command == "clean":
            return _clean(target, options)
        return _run(target, options)
    except RefusedError as error:
        print(f"Refused: {error}", file=sys.stderr)
        return _REFUSED
    except (BotoCoreError, ClientError) as error:
        print(f"Failed: {error}", file=sys.stderr)
        return _CONTRADICTED


def _run(target: Target, options: argparse.Namespace) -> int:
    plan = Plan(chosen(options.examples), _checks(options.checks), options.organizational_unit)
    run = Run()
    _tell(f"Account {target.account}, Region {target.region}, caller {target.caller_arn}")
    _tell(f"Run {run.id}. Everything that it creates has the tag {TAG_KEY}={run.id}.")
    for line in plan.lines():
        _tell(line)
    _confirm(target, options.confirm)
    report = run_plan(target, plan, run, options.report, _tell)
    for each in report.examples:
        if each.error is not None:
            _tell(f"{each.name} was not deployed:\n{each.error}")
    _tell(f"{report.summary()}. The report is {options.report}.")
    for what, reason in report.left.items():
        _tell(f"Left: {what}: {reason}")
    if report.left:
        return _LEFT
    if report.aborted is not None:
        return _INTERRUPTED
    failed = any(each.error is not None for each in report.examples) or any(each.is_failure for each in report.results)
    return _CONTRADICTED if report.of(Outcome.CONTRADICTED) or failed else 0


def _clean(target: Target, options: argparse.Namespace) -> int:
    if options.run is not None and not RUN_ID.fullmatch(options.run):
        raise RefusedError(f"RUN must be the ID of a run, such as 'srl-0123abcd', got {options.run!r}")
    regions = _enabled(target, regions_of(EXAMPLES, target.region))
    cleaner = Cleaner(target, regions, options.run, tell=_tell)
    found = cleaner.find()
    if not found and not cleaner.left:
        _tell(f"Runs have left nothing in account {target.account}, in {', '.join(regions)}.")
        return 0
    _tell(f"Account {target.account}. These resources of runs are deleted:")
    for each in found:
        _tell(f"  {each}")
    _confirm(target, options.confirm)
    is_clean = cleaner.delete()
    for what, reason in cleaner.left.items():
        _tell(f"Left: {what}: {reason}")
    return 0 if is_clean else _LEFT


def _enabled(target: Target, regions: Sequence[str]) -> list[str]:
    """Return the Regions of a partition that the account has enabled."""
    listed = target.client("ec2").describe_regions()["Regions"]
    names = {each["RegionName"] for each in listed}
    return [each for each in regions if each in names or each == target.region]


def _checks(text: str | None) -> Sequence[Check]:
    if text is None:
        return CHECKS
    if text == "none":
        return ()
    names = [name.strip() for name in text.split(",")]
    unknown = sorted(set(names) - {each.id for each in CHECKS})
    if unknown:
        raise RefusedError(f"there is no check {', '.join(unknown)}")
    return [each for each in CHECKS if each.id in names]


def _confirm(target: Target, confirmation: str | None) -> None:
    """Raise `RefusedError` unless the caller confirms the account, in a terminal or with an option."""
    if confirmation is None:
        if not sys.stdin.isatty():
            raise RefusedError("confirm the account: in a terminal, or with CONFIRM=ACCOUNT")
        confirmation = input(f"Type the ID of the account to go on ({target.account}): ")
    if confirmation.strip() != target.account:
        raise RefusedError("the account was not confirmed")


def _tell(line: str) -> None:
    print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m live", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="deploy examples, run checks, and delete everything")
    clean = commands.add_parser("clean", help="delete what an aborted run has left")
    for each in (run, clean):
        each.add_argument("--account", required=True, help="the account, 12 digits")
        each.add_argument("--region", required=True, help="the Region")
        each.add_argument("--profile", help="the profile with the credentials")
        each.add_argument("--confirm", help="the account again, instead of a question")
        each.add_argument("--endpoint-url", help="the endpoint of the AWS emulator on this machine")
    run.add_argument("--examples", help="names with commas, `default` or `none`")
    run.add_argument("--checks", help="IDs with commas, or `none`. Default: all")
    run.add_argument("--organizational-unit", help="an organizational unit for the checks of organizations")
    run.add_argument("--report", type=Path, default=REPORT, help=f"the file of the report. Default: {REPORT}")
    clean.add_argument("--run", help="the ID of the run. Default: all runs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
