"""Four variants of code for the same template: many hybrid service roles in one stack.

``library`` uses ssm_roles. ``idiomatic`` is typical aws-cdk-lib code: a function that creates one role, called in a
loop. The targets apply to the comparison of these two. ``tuned`` creates the principal and the policy once, outside the
loop, which saves calls into Node.js. ``bare`` passes a complete trust policy to ``iam.CfnRole``, which is the lower
limit of the cost of a role.
"""

from collections.abc import Callable

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from ssm_roles import HybridServiceRole

# A function that returns the function that creates a role with the given ID. Both are timed.
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
