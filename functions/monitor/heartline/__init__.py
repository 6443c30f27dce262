"""Notify people that a PostgreSQL database stopped answering, why, and when it came back."""
