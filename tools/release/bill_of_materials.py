"""What is installed with the package: a software bill of materials, and the licenses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .commands import run, tool
from .failure import NotReadyError

# Licenses whose conditions a user meets by keeping their texts, which the packages contain.
ALLOWED_LICENSES = {
    "Apache Software License",
    "Apache-2.0",
    "BSD License",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "MIT License",
    "PSF-2.0",
    "Python Software Foundation License",
}


def write_bill(interpreter: Path, project: Path, version: str, time: str, output: Path) -> str:
    """Write the software bill of materials of an environment in the format of CycloneDX, validated and reproducible.

    Args:
        interpreter: The interpreter of the environment.
        project: The path of pyproject.toml.
        version: The version of the package.
        time: The time of the commit, as `SOURCE_DATE_EPOCH` has it.
        output: The file to write.

    Raises:
        NotReadyError: The bill is not valid, differs from one run to the next, or has no dependencies.
    """
    bills = [_bill(interpreter, project, time, output.with_suffix(f".{number}")) for number in (1, 2)]
    if bills[0] != bills[1]:
        raise NotReadyError("two bills of materials of the same environment must be byte-identical")
    bill = json.loads(bills[0])
    # The generator doesn't know a version that the project takes from its code.
    bill["metadata"]["component"].update(version=version, purl=f"pkg:pypi/ssm-roles@{version}")
    text = json.dumps(bill, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    check_bill(text)
    output.write_text(text, encoding="utf-8", newline="\n")
    return f"{len(bill['components'])} components"


def check_bill(text: str) -> None:
    """Check a bill against the schema of CycloneDX, and that the project's own dependencies are in it.

    Args:
        text: The bill.

    Raises:
        NotReadyError: It is not valid or not complete.
    """
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error is not None:
        raise NotReadyError(f"the bill of materials is not valid: {error}")
    bill = json.loads(text)
    names = {each["name"].lower() for each in bill.get("components", [])}
    missing = {"aws-cdk-lib", "constructs", "jsii", "pyyaml"} - names
    if missing:
        raise NotReadyError(f"the bill of materials must have all dependencies, but lacks {', '.join(sorted(missing))}")
    if "file:" in text:
        raise NotReadyError("the bill of materials must not name files of this machine")


def _bill(interpreter: Path, project: Path, time: str, output: Path) -> str:
    command: list[str | Path] = [
        tool("cyclonedx-py"),
        "environment",
        "--output-reproducible",
        "--sv",
        "1.6",
        "--of",
        "JSON",
    ]
    run(
        [*command, "--mc-type", "library", "--pyproject", project, "-o", output, interpreter],
        folder=output.parent,
        purpose="cyclonedx-py",
        environment={"SOURCE_DATE_EPOCH": time},
    )
    text = output.read_text(encoding="utf-8")
    output.unlink()
    return text


def write_licenses(interpreter: Path, output: Path) -> str:
    """Write the licenses of the packages of an environment.

    Args:
        interpreter: The interpreter of the environment.
        output: The file to write.

    Raises:
        NotReadyError: A license is not allowed.
    """
    command: list[str | Path] = [
        tool("pip-licenses"),
        "--python",
        interpreter,
        "--format=json",
        "--from=mixed",
        "--with-urls",
    ]
    text = run([*command, "--with-system"], folder=output.parent, purpose="pip-licenses")
    packages = json.loads(text)
    summary = check_licenses(packages)
    output.write_text(json.dumps(packages, indent=2) + "\n", encoding="utf-8", newline="\n")
    return summary


def check_licenses(packages: list[dict[str, Any]]) -> str:
    """Check that every license is allowed.

    Args:
        packages: The packages, as pip-licenses describes them.

    Raises:
        NotReadyError: A license is not allowed, or there is no package.
    """
    if not packages:
        raise NotReadyError("pip-licenses finds no packages")
    for each in packages:
        # Of several licenses in one field, each counts.
        names = {name.strip() for name in each["License"].replace(" AND ", ";").split(";")}
        if not names <= ALLOWED_LICENSES:
            raise NotReadyError(
                f"the license of {each['Name']} must be in ALLOWED_LICENSES of tools/release/bill_of_materials.py,"
                f" got {each['License']}"
            )
    return f"{len(packages)} packages: {', '.join(sorted({each['License'] for each in packages}))}"
