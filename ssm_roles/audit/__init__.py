"""The audit: finds the classic mistakes with the roles of Systems Manager in templates and accounts."""
