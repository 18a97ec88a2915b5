"""The program of docs/get-started.md that deploys an app to the emulator, with the ten lines of the same page."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from embedded_aws.server import REPOSITORY
from tests.test_pages import blocks


@pytest.mark.deep
def test_the_program_of_the_page_deploys_the_ten_lines_to_the_emulator(tmp_path: Path) -> None:
    programs = [block.source for block in blocks(REPOSITORY / "docs" / "get-started.md") if block.language == "python"]
    (ten_lines,) = (each for each in programs if "TenLines" in each)
    (deploy,) = (each for each in programs if "EmbeddedAws" in each)
    app = tmp_path / "app.py"
    app.write_text(ten_lines, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-c", deploy, str(app)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.startswith("TenLines ActivationRoleName\n")
    assert "role/TenLines-HybridNodes" in run.stdout
    assert "role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM" in run.stdout
