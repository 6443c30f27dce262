"""The embedded stack: a real PostgreSQL and emulated AWS services, for tests, the demo and `make stack`."""
