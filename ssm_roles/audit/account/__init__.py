"""The audit of an account: reads what it has with the caller's credentials, judges it, and prints the result.

``reading`` makes the calls, all of which read. ``judging`` needs no AWS SDK. The formats print what it finds.
"""
