"""The code that runs in AWS Lambda: a module for each function, and the modules that the functions share."""
