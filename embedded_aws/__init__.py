"""An AWS emulator on this machine: MiniStack, extended with the APIs that it lacks.

`server` starts the emulator and `cdk` deploys to it. This file imports nothing, because the emulator's own process
loads it, too, and starts faster without these imports.
"""
