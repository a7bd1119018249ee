"""Programs of what a call and its switch have: variables, state, commands, checkpoints."""

from __future__ import annotations

from support.programs.case import Case

CASES: dict[str, Case] = {
    "variables": Case(
        """
        session.variables["one"] = "1"
        session.variables["bytes"] = "\\udcffé"
        session.setVariable("gone", "soon")
        del session.variables["gone"]
        saw["one"] = session.getVariable("ONE"), "one" in session.variables, "one" in list(session.variables)
        saw["gone"] = session.getVariable("gone"), "gone" in session.variables
        await session.execute("set", "from_app=${one}")
        saw["app"] = session.variables["from_app"]
        saw["bytes"] = session.variables["bytes"].encode("utf-8", "surrogateescape").hex()
        saw["profile"] = session.variables["context"], session.variables["caller_id_number"]
        saw["global"] = bool(session.getVariable("hostname")), session.getVariable("no_such")
        """,
        saw={"one": ["1", True, True], "gone": [None, False], "app": "1", "bytes": "ffc3a9"},
    ),
    "states": Case(
        """
        saw["before"] = session.ready(), session.answered(), session.state, session.hangupCause(), session.cause
        await session.answer()
        saw["after"] = session.ready(), session.answered(), session.mediaReady(), session.bridged()
        """,
        saw={"before": [True, False, "CS_EXECUTE", "NONE", None], "after": [True, True, True, False]},
    ),
    "privates": Case(
        "session.setPrivate('a', [1])\nsaw['a'] = session.getPrivate('a'), session.getPrivate('b')",
        saw={"a": [[1], None]},
    ),
    "api": Case(
        """
        saw["echo"] = await freeswitch.api("echo", "hello there")
        saw["unknown"] = await freeswitch.api("no_such_command")
        """,
        saw={"echo": "hello there", "unknown": "INVALID COMMAND!\n"},
    ),
    "texts": Case(
        """
        texts = {"unicode": "späť ☎ ✓", "long": "x" * 4000, "lines": "one\\ntwo", "json": json.dumps({"a": [1, "b'c"]}),
                 "spaces": "  both  ", "brackets": "{a}[b]<c>"}
        session.variables.update(texts)
        await session.execute("set", "a=1")
        for name, text in texts.items():
            saw[name] = session.variables[name] == text
        """,
        saw={"unicode": True, "long": True, "lines": True, "json": True, "spaces": True, "brackets": True},
    ),
    "mapping": Case(
        """
        variables = session.variables
        saw["default"] = variables.setdefault("mine", "1"), variables.get("no_such", "none"), variables.pop("mine")
        try:
            variables["no_such"]
        except KeyError as error:
            saw["missing"] = str(error)
        try:
            del variables["no_such"]
        except KeyError as error:
            saw["deleted"] = str(error)
        variables["sorted"] = "x"
        saw["items"] = dict(variables).get("sorted"), len(list(variables)) == len(variables)
        """,
        saw={"default": ["1", "none", "1"], "missing": "'no_such'", "items": ["x", True]},
    ),
    "placed_variables": Case(
        """
        await session.answer()
        saw["given"] = session.variables["tenant"], session.getVariable("TENANT"), session.variables["note"]
        await session.execute("set", "copy=${tenant}")
        saw["copy"] = session.variables["copy"]
        """,
        given={"tenant": "blue", "note": "späť"},
        saw={"given": ["blue", "blue", "späť"], "copy": "blue"},
    ),
    "commands_on_itself": Case(
        """
        await session.answer()
        saw["set"] = await freeswitch.api("uuid_setvar", f"{session.uuid} mine 5")
        await session.execute("set", "a=1")
        saw["mine"] = session.variables["mine"], await freeswitch.api("uuid_getvar", f"{session.uuid} mine")
        saw["exists"] = [await freeswitch.api("uuid_exists", uuid) for uuid in (session.uuid, "no-such")]
        saw["error"] = await freeswitch.api("uuid_kill", "no-such")
        saw["usage"] = (await freeswitch.api("uuid_setvar")).split(" ")[0]
        saw["unicode"] = await freeswitch.api("echo", "späť ☎")
        saw["empty"] = await freeswitch.api("echo")
        """,
        saw={
            "mine": ["5", "5"],
            "exists": ["true", "false"],
            "error": "-ERR No such channel!\n",
            "unicode": "späť ☎",
            "empty": "",
        },
    ),
    "checkpoints": Case(
        """
        from dataclasses import dataclass
        @dataclass
        class State:
            menu: str
            step: int
        await session.answer()
        saw["new"] = session.resumed, session.last_checkpoint
        for step in range(3):
            await session.checkpoint({"step": step})
        saw["last"] = session.last_checkpoint
        await session.checkpoint(State("sales", 4))
        saw["class"] = session.last_checkpoint
        for name, state in (("set", {1}), ("large", "x" * 2_000_000)):
            try:
                await session.checkpoint(state)
            except (TypeError, ValueError) as error:
                saw[name] = f"{type(error).__name__}: {error}"
        """,
        saw={"new": [False, None], "last": {"step": 2}, "class": {"menu": "sales", "step": 4}},
        cannot={"pysocket": "RuntimeError: session.checkpoint keeps nothing over the event socket"},
    ),
    "keys": Case(
        """
        from freeswitch import kv
        key = f"places.{session.uuid}"
        revision = await kv.create(key, {"step": 1})
        saw["got"] = await kv.get(key)
        await kv.update(key, [2, "é"], revision)
        saw["updated"] = await kv.get(key)
        try:
            await kv.create(key, 3)
        except kv.Conflict:
            saw["conflict"] = True
        await kv.delete(key)
        saw["gone"] = await kv.get(key, "gone")
        """,
        saw={"got": {"step": 1}, "updated": [2, "é"], "conflict": True, "gone": "gone"},
    ),
}
