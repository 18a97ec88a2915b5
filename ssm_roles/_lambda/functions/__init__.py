"""What runs in AWS Lambda: one module per function, and what they share."""
