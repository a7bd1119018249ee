"""Many calls with a hook, a callback and an error each leave nothing behind; benches/calls.py makes more."""

from __future__ import annotations

from hosts.base import Host
from support import many_calls

CALLS = 200
WARM_UP = 50


def test_nothing_is_left_of_many_calls(host: Host) -> None:
    name, extension = many_calls.prepare(host)
    many_calls.make(host, extension, WARM_UP)
    before = many_calls.kept(host, name)
    many_calls.make(host, extension, CALLS - WARM_UP)
    after = many_calls.kept(host, name)
    assert (after.path, after.threads) == (before.path, before.threads)
    # The event socket's own connections come and go.
    assert abs(after.files - before.files) <= 2
    # So few calls show a leak of a whole stack or session each, and no less; the bench sees more.
    assert after.rss_kb - before.rss_kb < 20_000
