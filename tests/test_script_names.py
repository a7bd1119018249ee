"""Scripts whose file names are no identifiers: every way in takes them, as mod_python3 does."""

from __future__ import annotations

from pathlib import Path

import pytest

from hosts.base import Host
from support.configuration import settings
from support.saw import in_api

# The last is a module in a package of such a name.
NAMES = ["voicemail-box", "1st", "class", "café+bar", "my-ivr.main"]

EVERY_WAY = """
import freeswitch

DOCUMENT = '''<document type="freeswitch/xml"><section name="dialplan"><context name="default">
<extension name="x"><condition field="destination_number" expression="^7711$">
<action application="set" data="by=xml"/></condition></extension></context></section></document>'''

def handler(session, args): session.setVariable("by", "application " + args)
def fsapi(session, stream, env, args): stream.write("api " + args)
def other(session, stream, env, args): stream.write("other " + args)
def runtime(args): print("runtime", args)
def chat(message, args): message["answer"] = "chat " + args
def dialplan(session, args): return [("set", "by=dialplan " + args)]
def json(data, args): return "json " + args
def hook(event, args): print("hook", args)
def xml_fetch(params, args): return DOCUMENT
"""


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest, host: Host) -> str:
    return host.script(EVERY_WAY, request.param)


def test_in_every_way_in(host: Host, name: str) -> None:
    assert host.run("python", f"{name} x").variables["by"] == "application x"
    assert host.api(f"python {name} x") == "api x"
    assert host.api(f"python {name}::other x") == "other x"
    assert host.api(f"pyrun {name} command").startswith("+OK")
    host.wait_log("^runtime command$")
    host.run("pyrun", f"{name} app")
    host.wait_log("^runtime app$")
    # transfer's own words end at a blank.
    assert host.call(("transfer", f"1234 python:{name}")).variables["by"] == "dialplan "
    saw = in_api(
        host,
        f"""
        def body(saw):
            message = freeswitch.Event("MESSAGE")
            message.chat_execute("python", "{name} x")
            saw["chat"] = message["answer"]
            saw["json"] = freeswitch.API().json("python", {{"run": "{name} x"}})
        """,
    )
    assert saw == {"chat": "chat x", "json": "json x"}


def test_in_the_configuration(host: Host, name: str) -> None:
    host.config(
        settings(
            f'<param name="startup-script" value="{name} startup"/>',
            f'<param name="startup-script-at-load" value="{name} load"/>',
            f'<param name="xml-handler-script" value="{name}"/>',
            '<param name="xml-handler-bindings" value="dialplan"/>',
            f'<hook event="CUSTOM" subclass="names::test" script="{name} x"/>',
            f'<param name="allow-modules" value="{name}"/>',
        )
    )
    host.wait_log("^runtime startup$")
    host.wait_log("^runtime load$")
    assert host.call(extension="7711").variables["by"] == "xml"
    assert host.api(f"python {name} x") == "api x"
    host.config(settings(f'<hook event="CUSTOM" subclass="names::test" script="{name} x"/>'))
    in_api(host, "def body(saw): freeswitch.Event('CUSTOM', 'names::test').fire()")
    host.wait_log("^hook x$")


def test_in_a_folder_of_one_call(host: Host, name: str, tmp_path: Path) -> None:
    path = tmp_path.joinpath(*name.split(".")).with_suffix(".py")
    path.parent.mkdir(exist_ok=True)
    path.write_text("def handler(session, args): session.setVariable('by', 'folder')")
    assert host.run("python", name, variables={"python_script_path": str(tmp_path)}).variables["by"] == "folder"


def test_a_new_version(host: Host, name: str) -> None:
    assert host.api(f"python {name} x") == "api x"
    host.script(EVERY_WAY.replace('"api "', '"new "'), name)
    assert host.api(f"pyreload {name}").startswith("+OK ")
    assert host.api(f"python {name} x") == "new x"


@pytest.mark.parametrize("path", ["sub/inner", "../outside", "sub..inner", ".hidden", "sub.", "a:b"])
def test_what_is_a_path_and_no_name(host: Host, path: str) -> None:
    host.script("def fsapi(session, stream, env, args): stream.write('ran')", "sub.inner")
    assert "is not a module name" in host.api(f"python {path}")
