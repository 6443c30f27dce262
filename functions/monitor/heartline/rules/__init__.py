"""Decide what observations mean and whom to notify; pure."""
