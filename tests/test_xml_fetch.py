"""XML lookups that Python answers: `xml-handler-script` and `xml-handler-bindings`."""

from __future__ import annotations

import json

import pytest

from hosts.base import Host

# What xml_fetch has to return: a whole document. `%s` is the extension's inside.
DOCUMENT = """<document type="freeswitch/xml"><section name="dialplan"><context name="default">
<extension name="from_python"><condition>%s</condition></extension>
</context></section></document>"""


def bind(host: Host, handler: str, sections: str = "dialplan") -> str:
    """Have a script answer lookups; the reply of the reload."""
    return host.config(f"""<configuration name="python.conf"><settings>
        <param name="xml-handler-script" value="{handler}"/>
        <param name="xml-handler-bindings" value="{sections}"/>
    </settings></configuration>""")


def answering(host: Host, actions: str, head: str = "") -> str:
    """A script whose xml_fetch answers calls to 8000 alone."""
    document = DOCUMENT % actions
    return host.script(f'''{head}
def xml_fetch(params):
    if params.getHeader("Caller-Destination-Number") == "8000":
        return """{document}"""
''')


def test_a_dialplan_from_python_answers_a_call(host: Host) -> None:
    name = answering(host, '<action application="answer"/><action application="hangup" data="USER_BUSY"/>')
    bind(host, name)
    result = host.call(extension="8000")
    assert (result.answered, result.cause) == (True, "USER_BUSY")


def test_none_leaves_it_to_the_files(host: Host) -> None:
    bind(host, answering(host, ""))
    extension = host.extension(("set", "from=file"))
    assert host.call(extension=extension).variables["from"] == "file"


def test_other_sections_are_not_asked(host: Host) -> None:
    name = host.script("""
        def xml_fetch(params):
            print("asked for", params.getHeader("section"))
    """)
    bind(host, name, "directory")
    assert host.run("set", "from=file").variables["from"] == "file"
    host.no_log("^asked for dialplan")


def test_params_say_what_is_looked_for(host: Host) -> None:
    name = host.script("""
        import json
        def xml_fetch(params):
            headers = ("section", "tag_name", "key_name", "key_value", "Caller-Destination-Number", "Hunt-Context")
            print("params", json.dumps({name: params.getHeader(name) for name in headers}))
    """)
    bind(host, name)
    extension = host.extension("answer")
    host.call(extension=extension)
    params = json.loads(host.wait_log("^params ").text.removeprefix("params "))
    assert params["section"] == "dialplan"
    assert params["Caller-Destination-Number"] == extension
    # The core looks for the section alone; what is not said is empty or absent.
    assert {params[name] for name in ("tag_name", "key_name", "key_value")} <= {None, ""}


@pytest.mark.freeswitch_only
def test_params_of_a_configuration(host: Host) -> None:
    name = host.script("""
        def xml_fetch(params):
            what = [params.getHeader(name) for name in ("section", "tag_name", "key_name", "key_value")]
            if what == ["configuration", "configuration", "name", "made_up.conf"]:
                return '''<document type="freeswitch/xml"><section name="configuration">
                    <configuration name="made_up.conf"><settings/></configuration></section></document>'''
    """)
    bind(host, name, "configuration")
    assert "made_up.conf" in host.api("xml_locate configuration configuration name made_up.conf")


def test_handler_may_take_arguments(host: Host) -> None:
    name = host.script("""
        def look_up(params, args):
            print("looked up with", repr(args))
    """)
    bind(host, f"{name}::look_up one two")
    host.run("answer")
    host.wait_log("^looked up with 'one two'$")


def test_text_before_the_declaration(host: Host) -> None:
    # The documents' own example returns a newline before <?xml.
    body = DOCUMENT % '<action application="set" data="from=python"/>'
    name = host.script(f"""
XML = '''
<?xml version="1.0" encoding="UTF-8" standalone="no"?>
{body}
'''
def xml_fetch(params):
    return XML
""")
    bind(host, name)
    assert host.call(extension="8000").variables["from"] == "python"


def test_unicode_round_trips(host: Host) -> None:
    name = answering(host, '<action application="set" data="from=한국어 &amp; more"/>')
    bind(host, name)
    assert host.call(extension="8000").variables["from"] == "한국어 & more"


def test_binding_ends_with_its_configuration(host: Host) -> None:
    name = answering(host, '<action application="set" data="from=python"/>')
    bind(host, name)
    assert host.call(extension="8000").variables["from"] == "python"
    host.config(None)
    assert "from" not in host.call(extension="8000").variables


@pytest.mark.parametrize(
    "returned",
    ["42", "b'<document/>'", "''", "'no xml at all'", "'<document><section'", "[]", "object()"],
)
def test_an_answer_that_is_none(host: Host, returned: str) -> None:
    name = host.script(f"def xml_fetch(params): return {returned}")
    bind(host, name)
    # Not found: the files are asked.
    assert host.run("set", "from=file").variables["from"] == "file"
    assert "is ready" in host.api("status")


def test_a_handler_that_raises(host: Host) -> None:
    name = host.script("def xml_fetch(params): raise LookupError('in xml_fetch')")
    bind(host, name)
    assert host.run("set", "from=file").variables["from"] == "file"
    line = host.wait_log("LookupError: in xml_fetch")
    assert line.level == "ERR"
    assert "Traceback" in line.text


@pytest.mark.parametrize("script", ["no_such_module", "no_such_module::function", "json"])
def test_a_handler_that_is_not_there(host: Host, script: str) -> None:
    bind(host, script)
    assert host.run("set", "from=file").variables["from"] == "file"
    assert any(script.partition("::")[0] in line.text for line in host.log() if line.level == "ERR")


def test_ten_megabytes(host: Host) -> None:
    name = host.script("""
        def xml_fetch(params):
            filler = "<!-- " + "x" * 10_000_000 + " -->"
            return '''<document type="freeswitch/xml"><section name="dialplan"><context name="default">
                <extension name="big"><condition><action application="set" data="from=python"/></condition></extension>
                </context>%s</section></document>''' % filler
    """)
    bind(host, name)
    assert host.call(extension="8000").variables["from"] == "python"
    assert "is ready" in host.api("status")


@pytest.mark.parametrize(
    "text",
    [
        # Freeing a tree recurses per level in the core: 8,000 levels end a switch with its small stacks.
        '"<a>" * 20000 + "</a>" * 20000',
        "'<!DOCTYPE x [<!ENTITY a \"' + 'b' * 100 + '\">]><document>&a;</document>'",
        "'<!DOCTYPE x [<!ATTLIST document type CDATA \"x\">]><document/>'",
        # What hides the rest from a reader that goes by the rules, which the core does not.
        "'<document><a \">' + '<b>' * 30000 + '</b>' * 30000 + '</a></document>'",
        "'<document>' + ('<b>' * 900 + '<?x ' + '</b>' * 900 + '?>') * 30 + '</document>'",
        '\'<!DOCTYPE x [<a "><!ENTITY a "b">]><document>&a;</document>\'',
        # What the core would read for minutes, with its binding lock held.
        "'<document>' + '<a/>' * 1000000 + '</document>'",
        "'<document>' + '&amp;' * 1000000 + '</document>'",
    ],
)
def test_xml_that_would_end_the_switch(host: Host, text: str) -> None:
    name = host.script(f"def xml_fetch(params): return {text}")
    bind(host, name)
    assert host.run("set", "from=file").variables["from"] == "file"
    assert any(line.level in {"ERR", "WARNING"} and "xml" in line.text.lower() for line in host.log())


def test_a_lookup_that_looks_up(host: Host) -> None:
    name = host.script("""
        import freeswitch
        def xml_fetch(params):
            freeswitch.API().executeString("eval ${python(%s::inner)}" % __name__)
        def inner(session, stream, env, args):
            stream.write("inner")
    """)
    bind(host, name)
    assert host.run("set", "from=file").variables["from"] == "file"
