"""A deployer: a role for CloudFormation with a policy, and what the stacks of an account need to exist before them."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from embedded_aws.server import ApiCall, EmbeddedAws
from tests.embedded_aws.organization import Organization

STACK = "Fleet"
_ROLE = "Deployer"
_LONGEST_SECONDS = 120.0
_CAPABILITIES = ["CAPABILITY_NAMED_IAM"]


def _document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _zipped(folder: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in sorted(folder.rglob("*.py")):
            archive.write(path, path.relative_to(folder))
    return content.getvalue()


def _trusting(principal: Mapping[str, str]) -> str:
    return _document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


class Deployer:
    """Deploys templates with the permissions of a policy alone.

    Args:
        aws: The emulator, without any resources.
        replaced: What to write in templates and policies instead of ARNs and IDs that the emulator doesn't have.
    """

    def __init__(self, aws: EmbeddedAws, replaced: Mapping[str, str]) -> None:
        self._aws = aws
        self._replaced = replaced
        self._cloudformation = aws.client("cloudformation")
        iam = aws.client("iam")
        role = iam.create_role(
            RoleName=_ROLE, AssumeRolePolicyDocument=_trusting({"Service": "cloudformation.amazonaws.com"})
        )
        self.role_arn: str = role["Role"]["Arn"]

    def grant(self, policy: Mapping[str, Any]) -> None:
        """Replace the permissions of the role."""
        # A managed policy would have five versions at most. The size of the policy is tested elsewhere.
        self._aws.client("iam").put_role_policy(
            RoleName=_ROLE, PolicyName="Deploy", PolicyDocument=self._text(json.dumps(policy))
        )

    def create(self, assembly: Path) -> str:
        """Create the stack, and return its status."""
        self._cloudformation.create_stack(**self._request(assembly))
        return self._status()

    def create_from(self, template: str, **parameters: str) -> str:
        """Create the stack from a template without assets, and return its status."""
        self._cloudformation.create_stack(
            StackName=STACK,
            TemplateBody=template,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=_CAPABILITIES,
            RoleARN=self.role_arn,
        )
        return self._status()

    def update(self, assembly: Path) -> str:
        """Update the stack, and return its status."""
        self._cloudformation.update_stack(**self._request(assembly))
        return self._status()

    def delete(self) -> str:
        """Delete the stack with the role that it was created with, and return its status."""
        stack_id = self._stack_id()
        self._cloudformation.delete_stack(StackName=STACK)
        return self._status(stack_id)

    def reasons(self) -> list[str]:
        """Return the reasons of the failed events of the stack."""
        events = self._cloudformation.describe_stack_events(StackName=self._stack_id())["StackEvents"]
        return [
            each["ResourceStatusReason"]
            for each in events
            if each["ResourceStatus"].endswith("_FAILED") and "ResourceStatusReason" in each
        ]

    def calls(self) -> Iterable[ApiCall]:
        """Return the calls that CloudFormation made with the role."""
        return [each for each in self._aws.calls() if each.principal_arn.endswith(f"/{_ROLE}/AWSCloudFormation")]

    def _request(self, assembly: Path) -> dict[str, Any]:
        self._upload(assembly)
        template = (assembly / f"{STACK}.template.json").read_text(encoding="utf-8")
        return {
            "StackName": STACK,
            "TemplateBody": self._text(template),
            "Capabilities": _CAPABILITIES,
            "RoleARN": self.role_arn,
        }

    def _text(self, text: str) -> str:
        for old, new in self._replaced.items():
            text = text.replace(old, new)
        return text

    def _upload(self, assembly: Path) -> None:
        s3 = self._aws.client("s3")
        assets = json.loads((assembly / f"{STACK}.assets.json").read_text(encoding="utf-8"))
        for asset in assets["files"].values():
            source = assembly / asset["source"]["path"]
            if asset["source"]["packaging"] == "zip":
                for place in asset["destinations"].values():
                    s3.put_object(Bucket=place["bucketName"], Key=place["objectKey"], Body=_zipped(source))

    def _stack_id(self) -> str:
        """Return the ID of the stack, also after its deletion."""
        stacks = self._cloudformation.list_stacks()["StackSummaries"]
        return str(next(each["StackId"] for each in stacks if each["StackName"] == STACK))

    def _status(self, stack: str = STACK) -> str:
        """Wait until the operation ends, and return the status of the stack."""
        deadline = time.monotonic() + _LONGEST_SECONDS
        while True:
            # The emulator answers when the operation ends, or after some seconds.
            status = str(self._cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])
            if not status.endswith("_IN_PROGRESS") or time.monotonic() > deadline:
                return status


def prepared(aws: EmbeddedAws, *, key: str, unit: str) -> Deployer:
    """Create what the stacks use, as a bootstrap and other teams do, and return a deployer.

    Args:
        aws: The emulator, without any resources.
        key: The ARN of a key in the templates.
        unit: The ID of an organizational unit in the templates.
    """
    aws.client("s3").create_bucket(
        Bucket=f"cdk-hnb659fds-assets-{aws.account}-{aws.region}",
        CreateBucketConfiguration={"LocationConstraint": aws.region},
    )
    aws.client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="33", Type="String")
    iam = aws.client("iam")
    anything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    iam.create_policy(PolicyName="PlatformBoundary", PolicyDocument=_document(anything))
    iam.create_role(RoleName="HybridNodes", AssumeRolePolicyDocument=_trusting({"Service": "ssm.amazonaws.com"}))
    own_key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    organization = Organization(aws)
    return Deployer(aws, {key: own_key, unit: organization.unit})
