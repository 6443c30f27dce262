"""The texts, in each language."""
