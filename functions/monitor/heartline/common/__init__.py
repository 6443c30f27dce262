"""What knows nothing of Heartline: codecs, deadlines, parallel calls, text."""
