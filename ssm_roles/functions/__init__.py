"""The settings of the AWS Lambda functions that constructs of this library create."""
