"""The roles of Systems Manager operations."""
