"""Simulate databases and their monitor for years, and hold the mails to the rules of alerting."""
