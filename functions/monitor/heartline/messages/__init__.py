"""What a notification says; pure."""
