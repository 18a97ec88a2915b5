"""Roles in every account of an organization."""
