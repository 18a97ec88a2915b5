"""Installs the wheel into an empty environment, as a user does, and runs the first program of the README there."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import venv
from pathlib import Path

from .commands import run
from .failure import NotReadyError

_PIP = ["-m", "pip", "--disable-pip-version-check", "--no-input"]


def install(wheel: Path, folder: Path) -> Path:
    """Install a wheel with its dependencies, and return the interpreter of the environment.

    Args:
        wheel: The wheel.
        folder: The folder of the new environment.

    Raises:
        NotReadyError: The installation fails, or its packages don't fit together.
    """
    venv.EnvBuilder(with_pip=False, symlinks=os.name != "nt").create(folder)
    interpreter = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    # The packages of this pip aren't part of the environment.
    pip = [sys.executable, *_PIP, "--python", str(interpreter)]
    run([*pip, "install", "--quiet", "--no-compile", wheel], folder=folder, purpose="installing the wheel")
    run([*pip, "check"], folder=folder, purpose="pip check")
    return interpreter


def first_program(readme: str) -> str:
    """Return the first program of the README.

    Args:
        readme: The text of README.md.

    Raises:
        NotReadyError: The README shows no program.
    """
    found = re.search(r"^``` ?python\n(.*?app\.synth\(\)\n)```$", readme, re.MULTILINE | re.DOTALL)
    if found is None:
        raise NotReadyError("README.md has no block of Python that ends with app.synth()")
    return found[1]


def check_program(interpreter: Path, program: str, folder: Path) -> str:
    """Run a program with the installed package, and the commands of the package.

    Args:
        interpreter: The interpreter of the environment.
        program: The text of the program.
        folder: An empty folder.

    Raises:
        NotReadyError: The program or a command fails, or the program synthesizes no template.
    """
    folder.mkdir(parents=True)
    (folder / "app.py").write_text(program, encoding="utf-8")
    output = folder / "cdk.out"
    variables = {"CDK_OUTDIR": str(output), "JSII_NODE": os.environ.get("JSII_NODE") or str(shutil.which("node"))}
    run([interpreter, "app.py"], folder=folder, purpose="the first program of README.md", environment=variables)
    templates = sorted(output.glob("*.template.json"))
    resources = [each for path in templates for each in json.loads(path.read_text(encoding="utf-8"))["Resources"]]
    if not resources:
        raise NotReadyError("the first program of README.md must synthesize a template with resources, got none")
    run([interpreter.with_name("ssm-roles"), "check", output], folder=folder, purpose="ssm-roles check")
    run(
        [interpreter, "-m", "ssm_roles", "init", "runbooks", "--output", "new"], folder=folder, purpose="ssm-roles init"
    )
    return f"{len(program.splitlines())} lines synthesize {len(resources)} resources"
