"""Settings and targets, read from the environment and a TOML document."""
