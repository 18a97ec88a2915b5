"""Four ways to the same template: many roles of hybrid activations in one stack.

``library`` is what users of ssm_roles write. ``idiomatic`` is what users of aws-cdk-lib write: a function that makes
one role, called in a loop; the library is held to this one. ``tuned`` knows that each CDK object costs calls into
JavaScript, and makes the principal and the policy once, outside the loop. ``bare`` gives CDK a finished trust policy
and leaves nothing to it but the resource: the lower limit of anything that makes a role.
"""

from collections.abc import Callable

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from ssm_roles import HybridServiceRole

# Takes a stack, and returns what makes the role of one construct id in it. All of it is timed.
Variant = Callable[[Stack], Callable[[str], object]]


def library(stack: Stack) -> Callable[[str], object]:
    return lambda id: HybridServiceRole(stack, id)


def idiomatic(stack: Stack) -> Callable[[str], object]:
    def hybrid_role(id: str) -> iam.Role:
        return iam.Role(
            stack,
            id,
            assumed_by=iam.ServicePrincipal(
                "ssm.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnEquals": {"aws:SourceArn": stack.format_arn(service="ssm", resource="*")},
                },
            ),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("AmazonSSMManagedInstanceCore")],
        )

    return hybrid_role


def tuned(stack: Stack) -> Callable[[str], object]:
    systems_manager = iam.ServicePrincipal(
        "ssm.amazonaws.com",
        conditions={
            "StringEquals": {"aws:SourceAccount": stack.account},
            "ArnEquals": {"aws:SourceArn": stack.format_arn(service="ssm", resource="*")},
        },
    )
    core = iam.ManagedPolicy.from_aws_managed_policy_name("AmazonSSMManagedInstanceCore")
    return lambda id: iam.Role(stack, id, assumed_by=systems_manager, managed_policies=[core])


def bare(stack: Stack) -> Callable[[str], object]:
    trust_policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnEquals": {"aws:SourceArn": stack.format_arn(service="ssm", resource="*")},
                },
                "Effect": "Allow",
                "Principal": {"Service": "ssm.amazonaws.com"},
            }
        ],
    }
    core_arn = f"arn:{stack.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
    return lambda id: iam.CfnRole(stack, id, assume_role_policy_document=trust_policy, managed_policy_arns=[core_arn])


VARIANTS: dict[str, Variant] = {"library": library, "idiomatic": idiomatic, "tuned": tuned, "bare": bare}
