"""Tests of the service roles: one file for each scenario."""
