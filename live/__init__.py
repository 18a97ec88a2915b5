"""The tests for a live AWS account: they deploy the examples, check what rests on documentation, and delete everything.

`make live` runs them in an account that the caller names and confirms. CI runs the same code on the AWS emulator.
"""
