"""The roles of managed nodes."""
