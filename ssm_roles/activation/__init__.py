"""Hybrid activations, and the registration of machines."""
