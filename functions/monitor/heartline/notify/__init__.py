"""Deliver pending alerts: a module a channel, and the rules of delivery."""
