"""Write docs/operations/deployer-permissions.md: the policies of deployers, from the templates of the constructs."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.deployer_constructs import USES
from tools.deployer_policy import ACCOUNT, REGION, length, parts, policy

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "operations" / "deployer-permissions.md"

CDK_CALLER = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Resource": [
                f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-deploy-role-{ACCOUNT}-{REGION}",
                f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-file-publishing-role-{ACCOUNT}-{REGION}",
                f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-lookup-role-{ACCOUNT}-{REGION}",
            ],
        }
    ],
}
"""What a person or a pipeline needs with the AWS CDK."""

TEMPLATE_CALLER = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "cloudformation:CreateChangeSet",
                "cloudformation:CreateStack",
                "cloudformation:DeleteChangeSet",
                "cloudformation:DeleteStack",
                "cloudformation:DescribeChangeSet",
                "cloudformation:DescribeStackEvents",
                "cloudformation:DescribeStacks",
                "cloudformation:ExecuteChangeSet",
                "cloudformation:GetTemplate",
                "cloudformation:UpdateStack",
            ],
            "Resource": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/Fleet*/*",
        },
        {"Effect": "Allow", "Action": "cloudformation:GetTemplateSummary", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": f"arn:aws:iam::{ACCOUNT}:role/FleetDeployer",
            "Condition": {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}},
        },
    ],
}
"""What a person or a pipeline needs for plain templates, with a service role."""

BOUNDARY_ARN = f"arn:aws:iam::{ACCOUNT}:policy/PlatformBoundary"

BOUNDARY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "OnlyWithTheBoundary",
            "Effect": "Deny",
            "Action": [
                "iam:AttachRolePolicy",
                "iam:CreateRole",
                "iam:PutRolePermissionsBoundary",
                "iam:PutRolePolicy",
            ],
            "Resource": "*",
            "Condition": {"StringNotEquals": {"iam:PermissionsBoundary": BOUNDARY_ARN}},
        },
        {
            "Sid": "KeepTheBoundary",
            "Effect": "Deny",
            "Action": "iam:DeleteRolePermissionsBoundary",
            "Resource": "*",
        },
        {
            "Sid": "KeepThePolicy",
            "Effect": "Deny",
            "Action": [
                "iam:CreatePolicyVersion",
                "iam:DeletePolicy",
                "iam:DeletePolicyVersion",
                "iam:SetDefaultPolicyVersion",
            ],
            "Resource": BOUNDARY_ARN,
        },
    ],
}
"""What keeps a deployer from creating a role with more permissions than a boundary."""

INTRODUCTION = f"""\
# Permissions of the deployer

<!-- `make pages` writes this page. -->

Two principals take part in a deployment: the person or the pipeline that starts it, and the role with which
CloudFormation creates the resources. This page has the IAM policies of both, with the least privileges that a
deployment needs. The policies are for stacks named `Fleet` in the account `{ACCOUNT}` and the Region `{REGION}`.

## With the AWS CDK

The CDK CLI [assumes roles of the bootstrap stack](https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html). The
person or the pipeline needs only the permission to assume them:

```json
{{caller}}
```

CloudFormation creates the resources with another role of the bootstrap stack,
`cdk-hnb659fds-cfn-exec-role-{ACCOUNT}-{REGION}`. By default, it has the AWS managed policy `AdministratorAccess`. To
restrict it, create a managed policy from [this page](#policies), and bootstrap each Region with it:

```text
cdk bootstrap aws://{ACCOUNT}/{REGION} --cloudformation-execution-policies arn:aws:iam::{ACCOUNT}:policy/FleetDeployer
```

Separate several policies with commas. The role deploys all apps of the account and Region, so that it needs the
policies of all of them. To give an app its
own role, bootstrap again with another
[qualifier](https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-customizing.html), and use it in the app.

## Without the AWS CDK

The [plain templates](../topics/templates.md) need no bootstrap. CloudFormation uses the
[service role](https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html) that you
pass with `--role-arn`, and without one, the permissions of the caller. The service role trusts
`cloudformation.amazonaws.com`. It has the policy of the construct: `fleet` that of `HybridActivation`, each
`*-node-role` that of `HybridServiceRole`, and `service-linked-roles` that of `ServiceLinkedRole`. The caller needs:

```json
{{template_caller}}
```

## Adapt the policies

* Replace the account, the Region, and in other partitions `arn:aws:`.
* Replace `Fleet`. The names that CloudFormation generates
  [begin with the name of the stack](https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html).
  AWS doesn't document how it shortens them, so use short names for stacks.
* Replace `ActivationSecret` with the beginning of the logical ID of the secret in your template, with which its name
  [begins](https://docs.aws.amazon.com/secretsmanager/latest/userguide/cfn-example_secret.html).
* If you set `role_name` or `path`, replace the ARNs of the roles.
* If a role gets other managed policies, add their ARNs to the condition `iam:PolicyARN`.
* Add the permissions for the other resources of your stacks.

In a clone of the repository, this command prints the policy for a template. It stops at resource types that this
library doesn't create:

```text
.venv/bin/python -m tools.deployer_policy Fleet cdk.out/Fleet.template.json
```

If a permission is missing, the resource fails with `is not authorized to perform`, the action and the ARN.

## Restrict roles with a permissions boundary

A principal that creates a role and its policies can give the role any permission. A
[permissions boundary](https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html) limits the
roles of a deployer. Set it for all roles of an app with `iam.PermissionsBoundary.of(app).apply(boundary)`, and attach
this policy to the deployer's role, too:

```json
{{boundary}}
```

If a role has a boundary in the template, its policy here has the boundary as a condition, as that for
[`FunctionSettings`](#hybridactivation-with-functionsettings) has. No policy here allows removing a boundary.

A path also limits a deployer: if all roles have `path="/fleet/"`, the ARN in the policies is
`arn:aws:iam::{ACCOUNT}:role/fleet/*`.

## What the policies rest on

AWS publishes the actions of each resource type in its
[schema](https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/resource-type-schemas.html), and the
resources and conditions of each action in the
[Service Authorization Reference](https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html).
The policies are generated from both and from the templates of the constructs. Tests deploy, change and delete each
construct on an emulator with exactly its policy, and remove actions one by one. They haven't run in an AWS account.

The schema of secrets contains `secretsmanager:GetSecretValue`. With it, the deployer can read the code of a hybrid
activation.

## Policies
"""


def page() -> str:
    """Return the text of the page."""
    introduction = INTRODUCTION
    for name, document in (("caller", CDK_CALLER), ("template_caller", TEMPLATE_CALLER), ("boundary", BOUNDARY)):
        introduction = introduction.replace(f"{{{name}}}", _json(document))
    return "\n".join((introduction, *_sections()))


def _sections() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        stacks = [use.stack(Path(folder) / str(number)) for number, use in enumerate(USES)]
    for use, stack in zip(USES, stacks, strict=True):
        document = policy(stack)
        yield f"### {use.title}\n"
        yield f"{use.text} {length(document):,} characters.\n"
        yield f"```json\n{_json(document)}\n```\n"
    yield "### All constructs\n"
    yield "Together, the policies are too long for a managed policy, which has"
    yield "[at most 6,144 characters](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."
    yield "Create all of these:\n"
    for document in parts(*stacks):
        yield f"```json\n{_json(document)}\n```\n"


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2)


def main() -> None:
    """Write the page."""
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
