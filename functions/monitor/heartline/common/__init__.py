"""Building blocks that know nothing of Heartline: codec, deadline, fields, parallel calls, text."""
