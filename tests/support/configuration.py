"""The module's configuration, as tests write it."""

from __future__ import annotations


def settings(*entries: tuple[str, str] | str) -> str:
    """A python.conf for `host.config`: a parameter is a pair, any other entry is the XML that it is."""
    lines = (entry if isinstance(entry, str) else f'<param name="{entry[0]}" value="{entry[1]}"/>' for entry in entries)
    return f'<configuration name="python.conf"><settings>{"".join(lines)}</settings></configuration>'


def xml_binding(script: str, section: str = "dialplan") -> str:
    """A python.conf by which a script answers the lookups of a section."""
    return settings(("xml-handler-script", script), ("xml-handler-bindings", section))
