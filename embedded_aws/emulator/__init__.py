"""The code of the emulator's process: MiniStack, and the APIs that it lacks."""
