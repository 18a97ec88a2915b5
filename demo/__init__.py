"""The demo: deploy the sample app and an example to an AWS emulator on this machine, and use what they create."""
