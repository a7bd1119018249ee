"""What `python -m pocket` can do: one module a command."""
