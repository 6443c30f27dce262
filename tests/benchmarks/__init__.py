"""Heartline beside what it could be measured against, in one run on one machine: `make bench`."""
