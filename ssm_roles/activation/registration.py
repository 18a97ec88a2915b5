"""The scripts that register a machine, which are files with placeholders such as ``@REGION@``."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from .._checks import check_type

_SCRIPTS = Path(__file__).parent / "scripts"


class RegistrationPlatform(Enum):
    """The operating system of the machines to register.

    Systems Manager doesn't support macOS outside Amazon EC2.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-hybrid-multicloud.html
    """

    LINUX = "LINUX"
    """Linux on x86-64 and arm64. The script is for ``sh``."""

    WINDOWS = "WINDOWS"
    """Windows Server on x86-64. The script is for PowerShell 5.1 and later."""


_FILES = {
    RegistrationPlatform.LINUX: "register_linux.sh",
    RegistrationPlatform.WINDOWS: "register_windows.ps1",
}


def registration_script(platform: RegistrationPlatform, *, region: str, secret_arn: str, url_suffix: str) -> str:
    """Return the script for a platform with its placeholders filled in.

    Args:
        platform: The operating system of the machines to register.
        region: The Region of the activation and of the secret.
        secret_arn: The ARN of the secret that holds the activation ID and the activation code.
        url_suffix: The suffix of AWS's domain names in the partition, such as ``amazonaws.com``.

    Raises:
        TypeError: ``platform`` is not a ``RegistrationPlatform``.
    """
    check_type("platform", platform, RegistrationPlatform, "a RegistrationPlatform")
    script = (_SCRIPTS / _FILES[platform]).read_text(encoding="utf-8")
    for placeholder, value in (("@REGION@", region), ("@SECRET_ARN@", secret_arn), ("@URL_SUFFIX@", url_suffix)):
        script = script.replace(placeholder, value)
    return script
