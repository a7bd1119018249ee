"""Regressions: what mod_python3 got wrong, by the rows of the list in README.md."""
