"""Synthesize stacks with ensured roles, and print their templates.

The templates `counted` have different numbers of roles and refer to the package of the function. The templates
`deployed` have one role and contain the code, so that they can be deployed without a bootstrap bucket.
"""

import json
import sys

from aws_cdk import App, BootstraplessSynthesizer, RemovalPolicy, Stack

from ssm_roles import ServiceLinkedRole, ServiceLinkedRoleType

if __name__ == "__main__":
    app = App()
    counts = [int(argument) for argument in sys.argv[1:]]
    for count in counts:
        stack = Stack(app, f"Roles{count}")
        for number, role_type in enumerate(ServiceLinkedRoleType.all()[:count]):
            ServiceLinkedRole(stack, f"Role{number}", role_type=role_type)
    variants = {"RETAIN": None, "DESTROY": None, "described": "Inventory"}
    for name, description in variants.items():
        ServiceLinkedRole(
            Stack(app, name, synthesizer=BootstraplessSynthesizer()),
            "Role",
            role_type=ServiceLinkedRoleType.AMAZON_SSM,
            removal_policy=RemovalPolicy.DESTROY if name == "DESTROY" else RemovalPolicy.RETAIN,
            description=description,
        )
    assembly = app.synth()
    templates = {stack.stack_name: stack.template for stack in assembly.stacks}
    print(
        json.dumps(
            {
                "counted": {count: templates[f"Roles{count}"] for count in counts},
                "deployed": {name: templates[name] for name in variants},
            }
        )
    )
