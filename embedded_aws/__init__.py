"""An AWS emulator on this machine: MiniStack, extended with the APIs that it lacks.

`server` starts the emulator, `cdk` deploys to it, and `machine` registers with it. This file imports nothing, because
the emulator's own process loads it, too, and starts faster without these imports.
"""
