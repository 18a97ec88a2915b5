"""The scripts that register machines, which are files with placeholders such as ``@REGION@``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from aws_cdk import Fn

from .._checks import check_text, check_type, has_token
from .._named_errors import methods_name_their_errors

_SCRIPTS = Path(__file__).parent / "scripts"

# https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html
EKS_CLUSTER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
EKS_CLUSTER_NAME_LENGTH = 100

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html
# The tool takes a value that begins with two hyphens for an option.
ECS_CLUSTER_NAME = re.compile(r"(?!--)[A-Za-z0-9_-]+")
ECS_CLUSTER_NAME_LENGTH = 255

_KUBERNETES_VERSION = re.compile(r"[0-9]+\.[0-9]+(\.[0-9]+)?")


@methods_name_their_errors
class Registration:
    """What a machine becomes when the script of a ``HybridActivation`` registers it.

    Each method below returns one kind. All of them make the machine a managed node.

    Systems Manager doesn't support macOS outside Amazon EC2.

    Example::

        activation.registration_script(Registration.linux())

    https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-hybrid-multicloud.html
    """

    @staticmethod
    def linux() -> Registration:
        """Make Linux on x86-64 or arm64, or Raspberry Pi OS with 32 bits, a managed node.

        The script is for ``sh``.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-ssm-agent-install-linux.html
        """
        return _Script("linux", "register.sh", "ssm_setup_cli.sh")

    @staticmethod
    def windows() -> Registration:
        """Make Windows Server on x86-64 a managed node.

        The script is for PowerShell 5.1 and later.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-ssm-agent-install-windows.html
        """
        return _Script("windows", "register_windows.ps1")

    @staticmethod
    def eks_hybrid_node(*, cluster_name: str, kubernetes_version: str) -> Registration:
        """Make Linux on x86-64 or arm64 a managed node that is also a hybrid node of an Amazon EKS cluster.

        The script runs ``nodeadm``, and is for ``sh``. The role needs ``NodeCapability.eks_hybrid_nodes``.

        Args:
            cluster_name: The name of the cluster, 1 to 100 letters, digits, hyphens or underscores. The cluster must be
                in the activation's Region.
            kubernetes_version: The version of Kubernetes to install, such as ``1.34``. It must not be later than the
                version of the cluster.

        Raises:
            TypeError: An argument is not a string.
            ValueError: An argument has the wrong form.

        https://docs.aws.amazon.com/eks/latest/userguide/hybrid-nodes-join.html
        """
        check_text(
            "cluster_name",
            cluster_name,
            EKS_CLUSTER_NAME,
            "letters, digits, hyphens and underscores, beginning with a letter or a digit",
            EKS_CLUSTER_NAME_LENGTH,
        )
        check_text("kubernetes_version", kubernetes_version, _KUBERNETES_VERSION, "a version such as '1.34'", 20)
        values = {"cluster_name": cluster_name, "kubernetes_version": kubernetes_version}
        return _Script("eks_hybrid_node", "register.sh", "nodeadm.sh", values)

    @staticmethod
    def ecs_anywhere(*, cluster_name: str) -> Registration:
        """Make Linux on x86-64 or arm64 a managed node that is also an external instance of an Amazon ECS cluster.

        The script runs ``ecs-anywhere-install.sh``, and is for ``sh``. The role needs ``NodeCapability.ecs_anywhere``.

        Args:
            cluster_name: The name of the cluster, 1 to 255 letters, digits, hyphens or underscores. The cluster must be
                in the activation's Region.

        Raises:
            TypeError: ``cluster_name`` is not a string.
            ValueError: ``cluster_name`` has the wrong form.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-anywhere-registration.html
        """
        allowed = "letters, digits, hyphens and underscores, not beginning with --"
        check_text("cluster_name", cluster_name, ECS_CLUSTER_NAME, allowed, ECS_CLUSTER_NAME_LENGTH)
        return _Script("ecs_anywhere", "register.sh", "ecs_anywhere_install.sh", {"cluster_name": cluster_name})


@dataclass(frozen=True)
class _Script(Registration):
    """A registration: its script, and the part of the script that is for one tool."""

    kind: str
    script: str
    tool: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.values.items())
        return f"Registration.{self.kind}({arguments})"

    def __hash__(self) -> int:
        return hash(repr(self))

    def template(self) -> str:
        """Return the script with its placeholders."""
        script = (_SCRIPTS / self.script).read_text(encoding="utf-8")
        if self.tool is None:
            return script
        return script.replace("# @TOOL@\n", (_SCRIPTS / self.tool).read_text(encoding="utf-8"))


def registration_script(registration: Registration, *, region: str, secret_arn: str, url_suffix: str) -> str:
    """Return the script of a registration with its placeholders filled in.

    Args:
        registration: What the machine becomes.
        region: The Region of the activation and of the secret.
        secret_arn: The ARN of the secret that holds the activation ID and the activation code.
        url_suffix: The suffix of AWS's domain names in the partition, such as ``amazonaws.com``.

    Raises:
        TypeError: ``registration`` is not a ``Registration``.
    """
    check_type(
        "registration",
        registration,
        _Script,
        "a Registration: linux(), windows(), eks_hybrid_node(...) or ecs_anywhere(...)",
    )
    script = cast(_Script, registration)
    # AWS makes these values, which have no quotation marks.
    values = {"REGION": region, "SECRET_ARN": secret_arn, "URL_SUFFIX": url_suffix}
    values.update((name.upper(), _quotable(value)) for name, value in script.values.items())
    return re.sub(r"@([A-Z_]+)@", lambda placeholder: values[placeholder[1]], script.template())


def _quotable(value: str) -> str:
    """Return a value for a place between the single quotation marks of a shell script.

    CloudFormation knows a token's value only at deploy time, and it can be anything, such as a parameter's. Therefore,
    CloudFormation also replaces the quotation marks that would end the shell's text.
    """
    return Fn.join("'\\''", Fn.split("'", value)) if has_token(value) else value
