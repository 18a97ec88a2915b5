"""An AWS account on this machine: MiniStack, with the APIs that it lacks added.

`server` runs it, `cdk` deploys onto it, `fixtures` hands both to tests. Nothing is imported here: the emulator's own
process comes through here too, and starts faster without it.
"""
