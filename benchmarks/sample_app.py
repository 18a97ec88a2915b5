"""Compare the synthesis of the sample app, a whole process, with that of handwritten_app.py."""

import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.alternation import Ratio, alternate
from benchmarks.children import ROOT, Child, ChildError, run_child
from benchmarks.report import Findings, ratio_row, table

_LIBRARY = ROOT / "app.py"
_HANDWRITTEN = ROOT / "benchmarks" / "handwritten_app.py"


def measure(*, at_most: int, seconds: float) -> Findings:
    """Compare both apps.

    Args:
        at_most: The maximum number of processes for each app.
        seconds: The time in seconds after which no new process starts.

    Raises:
        ChildError: The templates or assets of the apps differ.
    """
    reject_different_templates()
    library, handwritten = alternate(
        lambda: _synthesize(_LIBRARY), lambda: _synthesize(_HANDWRITTEN), at_most=at_most, seconds=seconds
    )
    wall = Ratio.of([run.seconds for run in library], [run.seconds for run in handwritten])
    processor = Ratio.of([run.processor_seconds for run in library], [run.processor_seconds for run in handwritten])
    memory = Ratio.of([_memory(run) for run in library], [_memory(run) for run in handwritten])
    return Findings(
        [
            ratio_row(f"Synthesis of `app.py`, whole process ({len(library)} pairs)", wall, 1.05),
            ratio_row("The same, processor time of Python and Node.js", processor),
            ratio_row("The same, peak memory of Python and Node.js", memory, 1.02),
        ],
        [
            table(
                ("Synthesis of the sample app, least of all runs", "`app.py`", "hand-written"),
                [
                    ("whole process", _least(library, "seconds"), _least(handwritten, "seconds")),
                    ("processor time", _least(library, "processor_seconds"), _least(handwritten, "processor_seconds")),
                    ("peak memory of Python", _least_memory(library, "python"), _least_memory(handwritten, "python")),
                    ("peak memory of Node.js", _least_memory(library, "node"), _least_memory(handwritten, "node")),
                ],
            )
        ],
    )


def _synthesize(app: Path) -> Child:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        return run_child("run_app", str(app), environment={"CDK_OUTDIR": folder})


def reject_different_templates() -> None:
    """Check that both apps create the same templates and assets.

    Raises:
        ChildError: They differ.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        contents = []
        for app in (_LIBRARY, _HANDWRITTEN):
            assembly = Path(folder) / app.stem
            run_child("run_app", str(app), environment={"CDK_OUTDIR": str(assembly)})
            contents.append(_deployed(assembly))
    if contents[0] != contents[1] or not contents[0]:
        raise ChildError(
            f"{_HANDWRITTEN.name} must create the same templates and assets as {_LIBRARY.name}, got different ones"
        )


def _deployed(assembly: Path) -> dict[str, Any]:
    templates = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in assembly.glob("*.template.json")}
    assets = {
        str(path.relative_to(assembly)): path.read_bytes() for path in assembly.glob("asset.*/**/*") if path.is_file()
    }
    return {**templates, **assets}


def _memory(run: Child) -> float:
    return float(run.result["python"] + run.result["node"])


def _least(runs: list[Child], attribute: str) -> str:
    return f"{min(getattr(run, attribute) for run in runs):.2f} s"


def _least_memory(runs: list[Child], process: str) -> str:
    return f"{min(run.result[process] for run in runs) / 1024:.0f} MiB"
