"""Service-linked roles."""
