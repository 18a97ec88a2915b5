"""Synthesize stacks with different numbers of ensured roles, and print their templates by the number of roles."""

import json
import sys

from aws_cdk import App, Stack

from ssm_roles import ServiceLinkedRole, ServiceLinkedRoleType

if __name__ == "__main__":
    app = App()
    counts = [int(argument) for argument in sys.argv[1:]]
    for count in counts:
        stack = Stack(app, f"Roles{count}")
        for number, role_type in enumerate(ServiceLinkedRoleType.all()[:count]):
            ServiceLinkedRole(stack, f"Role{number}", role_type=role_type)
    assembly = app.synth()
    print(json.dumps({count: assembly.get_stack_by_name(f"Roles{count}").template for count in counts}))
