"""Carry out the probes that one target needs in a tick."""
