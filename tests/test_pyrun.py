"""The command and the application `pyrun`: `runtime(args)` in a thread of its own."""

from __future__ import annotations

from hosts.base import Host


def test_runtime_gets_its_arguments(host: Host) -> None:
    name = host.script("def runtime(args): print('ran with', repr(args))")
    assert host.api(f"pyrun {name} one  two").startswith("+OK")
    host.wait_log(r"^ran with 'one  two'$")


def test_runtime_without_parameters(host: Host) -> None:
    name = host.script("def runtime(): print('ran bare')")
    assert host.api(f"pyrun {name} ignored").startswith("+OK")
    host.wait_log("^ran bare$")


def test_a_function_can_be_named(host: Host) -> None:
    name = host.script("def other(args): print('other', args)")
    assert host.api(f"pyrun {name}::other x").startswith("+OK")
    host.wait_log("^other x$")


def test_the_command_does_not_wait(host: Host) -> None:
    name = host.script("""
        import freeswitch
        def runtime(args):
            while freeswitch.getGlobalVariable("go") != args:
                freeswitch.msleep(20)
            print("went")
    """)
    assert host.api(f"pyrun {name} {name}").startswith("+OK")
    host.no_log("^went$")
    host.api(f"global_setvar go={name}")
    host.wait_log("^went$")


def test_as_an_application_the_dialplan_goes_on(host: Host) -> None:
    name = host.script("""
        import freeswitch
        def runtime(args):
            while freeswitch.getGlobalVariable("application_go") != args:
                freeswitch.msleep(20)
            print("went after the call")
    """)
    result = host.call(("pyrun", f"{name} {name}"), ("set", "after=yes"))
    assert result.variables["after"] == "yes"
    host.api(f"global_setvar application_go={name}")
    host.wait_log("^went after the call$")


def test_an_error_is_told_with_its_traceback(host: Host) -> None:
    name = host.script("""
        def runtime(args):
            try:
                {}["key"]
            except KeyError as error:
                raise ValueError("in the thread") from error
    """)
    assert host.api(f"pyrun {name}").startswith("+OK")
    line = host.wait_log("ValueError: in the thread")
    assert line.level == "ERR"
    assert "KeyError: 'key'" in line.text
    assert f"{name}.py" in line.text
    assert sum("ValueError: in the thread" in line.text for line in host.log()) == 1


def test_sys_exit_ends_the_thread_only(host: Host) -> None:
    name = host.script("""
        import sys
        def runtime(args):
            print("exiting")
            sys.exit("with a message")
    """)
    host.api(f"pyrun {name}")
    host.wait_log("^exiting$")
    assert "is ready" in host.api("status")
