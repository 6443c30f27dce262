"""Carry out the probes that targets need, here or through the probe function."""
