"""The words of Heartline as frozen values."""
