"""What all roles share: their options, their trust policies, their grants, and IAM's limits."""
