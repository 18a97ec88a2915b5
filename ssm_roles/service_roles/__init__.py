"""The service roles of Systems Manager scenarios, and what turns them on: one file for each scenario."""
