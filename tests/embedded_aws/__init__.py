"""Tests of the AWS emulator against the AWS documentation."""
