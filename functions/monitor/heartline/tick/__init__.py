"""One scheduled run over a set of targets."""
