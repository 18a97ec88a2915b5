"""The commands of ``ssm-roles``: one module each, which is imported only when its command runs.

A module of a command has two functions: ``add_arguments(parser)`` describes the command and its arguments, and
``run(arguments)`` returns the exit code.
"""
