"""What goes wrong between apps and a switch."""

from __future__ import annotations


class ESLError(Exception):
    """Something went wrong between this program and the switch."""


class APIError(ESLError, RuntimeError):
    """The switch has refused a command; its text is what it said."""


class ConfigurationError(ESLError, ValueError):
    """Things were put together that do not belong together."""


__all__ = ["APIError", "ConfigurationError", "ESLError"]
