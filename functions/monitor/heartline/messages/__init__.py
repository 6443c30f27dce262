"""Compose alerts into mails; pure."""
