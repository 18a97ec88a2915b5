"""The code that runs in AWS Lambda, against an IAM that is not made of these tests' expectations."""
