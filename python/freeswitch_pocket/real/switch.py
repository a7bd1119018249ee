"""The switch of a test that runs on a FreeSWITCH: pocket's own class, on another core."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

from freeswitch_pocket.real.core import Core
from freeswitch_pocket.real.installed import FreeSwitch, SwitchError
from freeswitch_pocket.real.instance import Instance, Setup
from freeswitch_pocket.real.lacks import NotOnFreeSwitch
from freeswitch_pocket.recording import RecordingSwitch

if TYPE_CHECKING:
    from pocket import _pocket


class Instances:
    """The instance that tests share; another one takes its place where a test is set up otherwise."""

    def __init__(self, switch: FreeSwitch, module: Path, certs: Path | None) -> None:
        self._switch = switch
        self._module = module
        self._certs = certs
        self._running: Instance | None = None

    def of(self, scripts: Path, sounds: Path | None, conf: Path | None, config: dict[str, str]) -> Instance:
        """Give the instance for what a test needs."""
        setup = Setup(self._switch, self._module, scripts, sounds, conf, tuple(sorted(config.items())), self._certs)
        if self._running is None or self._running.setup != setup or not self._running.alive:
            self.end()
            self._running = Instance(setup)
        return self._running

    def end(self) -> None:
        """End what runs."""
        running, self._running = self._running, None
        if running is not None:
            running.end()


class RealSwitch(RecordingSwitch):
    """A FreeSWITCH, as far as it can do what `pocket.Switch` does; NotOnFreeSwitch says what it cannot."""

    def __init__(self, instances: Instances, **options: Any) -> None:
        super().__init__(real_time=True, **options)
        self._instances = instances

    def _make(self, base: Path, scripts: Path) -> _pocket.Switch:
        del base  # the instance has a folder of its own, that tests share
        if self._missing_sounds is not None:
            raise NotOnFreeSwitch("missing_sounds: a sound that is not there cannot be played")
        sounds, conf = (None if path is None else path.absolute() for path in (self._sounds, self._conf))
        instance = self._instances.of(scripts, sounds, conf, self._config)
        self._sounds = instance.sounds
        return cast("_pocket.Switch", Core(instance, self._dialplan, list(self._variables.items())))

    def reset(self) -> NoReturn:
        """A test has one."""
        raise NotOnFreeSwitch("reset()")

    def serve(self, *_: Any, **__: Any) -> NoReturn:
        """Its event socket is its own."""
        raise NotOnFreeSwitch("serve()")


def module_of(switch: FreeSwitch, named: str, root: Path) -> Path:
    """Give the module to load: the one that is named, or that of the installation; SwitchError where there is none."""
    module = root / named if named else switch.module_dir / "mod_rust.so"
    if not module.is_file():
        raise SwitchError(f"there is no {module}: run `make install`, or name the file with pocket_module")
    return module.resolve()
