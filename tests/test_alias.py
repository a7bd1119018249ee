"""App files that import switchio run as they are."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hosts.base import Host

APP = """
import asyncio
import switchio
import switchio.utils
from switchio import coroutine, event_callback, utils
from switchio.apps.players import TonePlay
from switchio.marks import callback
from switchio.models import Session
import neighbour


class Original:
    def prepost(self, pool):
        self.log = utils.get_logger(utils.pstr(self, pool.evals("listener.host")))

    @coroutine("CHANNEL_PARK")
    async def on_park(self, sess):
        # A late import.
        from switchio.apps.routers import Router
        assert isinstance(sess, Session) and Router.StopRouting
        print("original", neighbour.WORD, switchio.utils.get_name(TonePlay))
        await sess.hangup("USER_BUSY")
"""


def write(folder: Path, source: str = APP, name: str = "original_app") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "neighbour.py").write_text("from switchy.utils import xheaderify\nWORD = xheaderify('x')\n")
    path = folder / f"{name}.py"
    path.write_text(source)
    return path


def test_a_file_works_on_a_call(host: Host, parked: str, tmp_path: Path) -> None:
    path = write(tmp_path / "apps")
    name = host.script(f"""
        from freeswitch import apps
        from freeswitch.apps import Client, alias
        client = Client()
        def fsapi(session, stream, env, args):
            if args == "unload": client.unload_app("default")
            else: client.load_app(alias.find({str(path)!r} + ":Original")[0], on_value="default")
            stream.write("done")
    """)
    assert host.api(f"python {name}") == "done"
    result = host.call(extension=parked)
    host.wait_log("^original sip_h_X-x TonePlay$")
    assert result.cause == "USER_BUSY"
    assert host.api(f"python {name} unload") == "done"


def run(code: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=folder)
    return done.stdout + done.stderr


def test_the_names_are_the_real_modules_for_that_file_alone(tmp_path: Path) -> None:
    path = write(
        tmp_path / "apps", "from switchio import models, marks\nimport switchio\nimport switchio.apps.routers\n"
    )
    # Somebody else's.
    (tmp_path / "switchio").mkdir()
    (tmp_path / "switchio" / "__init__.py").write_text("WHOSE = 'installed'\n")
    said = run(
        f"""
from freeswitch.apps import alias
import freeswitch.apps.models, freeswitch.apps.routers, sys
file = alias.load_file({str(path)!r})
import switchio
print(file.models is freeswitch.apps.models, file.switchio is freeswitch.apps, switchio.WHOSE)
print(alias.load_file({str(path)!r}) is file, file.switchio.apps.routers is freeswitch.apps.routers)
""",
        tmp_path,
    )
    assert said == "True True installed\nTrue True\n"


def test_a_file_with_relative_imports_is_one_of_switchios_apps(tmp_path: Path) -> None:
    source = (
        "from .. import utils\nfrom ..apps import app\nfrom ..marks import event_callback\nfrom . import AppManager\n"
    )
    path = write(tmp_path / "apps", source)
    load = f"from freeswitch.apps import alias\nm = alias.load_file({str(path)!r})\n"
    said = run(f"{load}print(m.utils.__name__, m.AppManager.__name__)", tmp_path)
    assert said == "freeswitch.apps.utils AppManager\n"


def test_a_file_of_a_copy_of_switchio_is_of_the_package_that_it_lies_in(tmp_path: Path) -> None:
    # As its apps/measure/cdr.py begins.
    source = """
from switchio.marks import event_callback
from .storage import pd, DataStorer
from . import call_metrics
from ..players import TonePlay
class CDR(object):
    fields = [("cause", "S50"), ("answered", "float64")]
    @event_callback("CHANNEL_DESTROY")
    def log_stats(self, sess, job): pass
"""
    path = write(tmp_path / "copy" / "switchio" / "apps" / "measure", source)
    load = f"from freeswitch.apps import alias\nm = alias.load_file({str(path)!r})\n"
    rows = "s = m.DataStorer('CDR', dtype=m.CDR.fields)\ns.append_row(('NONE', 1.5))\nprint(s.data, m.pd)\n"
    said = run(f"import sys\nsys.modules['pandas'] = None\n{load}{rows}print(m.TonePlay.__module__)", tmp_path)
    assert said == "[{'cause': 'NONE', 'answered': 1.5}] None\nfreeswitch.apps.players\n"


def test_a_file_may_have_an_app_of_a_name_that_is_there(tmp_path: Path) -> None:
    source = """
from switchio.apps import app
from switchio.marks import callback
@app
class TonePlay:
    @callback("CHANNEL_PARK")
    def on_park(self, sess): pass
"""
    path = write(tmp_path / "apps", source)
    said = run(
        f"""
from freeswitch import apps
from freeswitch.apps import alias
apps.load()
file = alias.load_file({str(path)!r})
print(apps.get("TonePlay") is file.TonePlay)
apps.load()
print(apps.get("TonePlay") is file.TonePlay)
""",
        tmp_path,
    )
    assert said == "True\nTrue\n"


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("from switchio import nothing_such\n", "switchio has no 'nothing_such' here; docs/switchio.md says"),
        ("import switchio.nothing_such\n", "there is no switchio.nothing_such here; docs/switchio.md says"),
        ("from switchio.apps.measure import shmarray\n", "shmarray"),
        ("import no_such_module_at_all\n", "No module named 'no_such_module_at_all'"),
        ("raise RuntimeError('at its top')\n", "at its top"),
        ("x = (\n", "original_app.py"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, source: str, wrong: str) -> None:
    path = write(tmp_path / "apps", source)
    done = subprocess.run(
        [sys.executable, "-m", "freeswitch.apps", "serve", "--pocket", "--for", "1", "--switchio", f"{path}:Original"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert wrong in done.stderr.splitlines()[-1]


def test_what_python_has_removed_is_told_with_its_line(tmp_path: Path) -> None:
    source = "import asyncio\n# asyncio.coroutine\ndef f(): return asyncio.sleep(1, loop=None)\nx = 'y'\n"
    path = write(tmp_path / "apps", source + APP.replace("import neighbour\n", "").replace("neighbour.WORD, ", ""))
    done = subprocess.run(
        [sys.executable, "-m", "freeswitch.apps", "serve", "--pocket", "--for", "1", "--switchio", f"{path}:Original"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"MR0019 {path}:3: asyncio takes no loop= any more: leave it out" in done.stderr
    assert done.stderr.count("MR0019") == 1


@pytest.mark.parametrize("app_id", ["", "tried"])
def test_python_conf_names_app_files(fresh: Callable[..., Host], tmp_path: Path, app_id: str) -> None:
    path, wrong = write(tmp_path / "apps"), tmp_path / "apps" / "none.py"
    lines = [f"{path}:Original {app_id}".rstrip(), f"{wrong}:Nobody"]
    params = "".join(f'<param name="switchio-app" value="{line}"/>' for line in lines)
    host = fresh(config=f'<configuration name="python.conf"><settings>{params}</settings></configuration>')
    # It may be said before anybody listens to the log.
    said = re.compile(rf"\[ERR\].* MR0010 python.conf: switchio-app '{re.escape(str(wrong))}:Nobody'")
    host.wait_for(lambda: said.search(host.log_text()), 20, said.pattern)
    variables = {"switchio_app": app_id} if app_id else {}
    parked = host.extension(*(("set", f"{name}={value}") for name, value in variables.items()), ("park", ""))
    result = host.call(extension=parked)
    host.wait_log("^original sip_h_X-x TonePlay$")
    assert result.cause == "USER_BUSY"
    # It is loaded once more with the module, and not beside itself.
    mark = host.mark()
    assert host.api("reload mod_rust").startswith("+OK")
    # The second line of the configuration is behind the first.
    host.wait_log("MR0010 python.conf: switchio-app", since=mark)
    mark = host.mark()
    assert host.call(extension=parked).cause == "USER_BUSY"
    assert len([line for line in host.log(mark) if line.text.startswith("original ")]) == 1


@pytest.mark.parametrize("value", ["app.py:Name", "/folder/app.py", "Name"])
def test_an_app_file_in_python_conf_is_a_path_and_a_name(host: Host, value: str) -> None:
    param = f'<param name="switchio-app" value="{value}"/>'
    host.config(f'<configuration name="python.conf"><settings>{param}</settings></configuration>')
    assert host.wait_log("MR0010 .*switchio-app.*/FOLDER/FILE.py:NAME").level == "WARNING"
