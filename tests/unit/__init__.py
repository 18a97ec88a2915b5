"""What the library puts into templates, and what it refuses."""
