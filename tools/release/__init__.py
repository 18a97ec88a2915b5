"""Makes a commit ready to publish: builds it, checks what would be published, and says what is in it."""
