"""What the command `pyreload` answers."""

from __future__ import annotations

from hosts.base import Host

FSAPI = "def fsapi(session, stream, env, args): stream.write('{}')\n"


def test_pyreload_says_what_does_not_load(host: Host) -> None:
    name = host.script(FSAPI.format("old"))
    host.api(f"python {name}")
    host.script("def fsapi(:\n", name)
    reply = host.api(f"pyreload {name}")
    assert reply.startswith("-ERR 1 scripts do not load"), reply
    assert host.api(f"python {name}") == "old"


def test_pyreload_counts_what_it_was_asked_for(host: Host) -> None:
    """Others fail meanwhile, on this thread here, and on any in life."""
    other = host.script(FSAPI.format("other"))
    name = host.script(f"""
        import freeswitch
        SAID = freeswitch.API().executeString("pyreload {other}")
        def fsapi(session, stream, env, args): stream.write(SAID)
    """)
    assert host.api(f"python {other}") == "other"
    assert host.api(f"python {name}").startswith("+OK 1 ")
    host.script("def fsapi(:\n", other)
    assert host.api(f"pyreload {name}").strip() == "+OK 1 scripts were loaded"
    assert host.api(f"python {name}").startswith("-ERR 1 scripts do not load")
    assert host.api(f"python {other}") == "other"
