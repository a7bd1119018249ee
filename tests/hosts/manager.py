"""Which hosts there are, and who has started which."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import switches
from hosts.base import Host, HostError
from hosts.freeswitch import FreeSwitchHost

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "build" / "mod_rust.so"


@dataclass(frozen=True)
class Spec:
    """A host that can be started: pocket, or a FreeSWITCH that was found."""

    name: str
    switch: switches.FreeSwitch | None = None

    def start(self, folder: Path, *, with_module: bool = True, **options: Any) -> Host:
        """Start one. pocket has no use for what belongs to a process of its own."""
        if self.switch is None:
            # Late, because a run on FreeSWITCH alone needs no pocket.
            from hosts.pocket import PocketHost  # noqa: PLC0415

            known = {name: options[name] for name in ("config", "real_time") if name in options}
            return PocketHost(folder, with_module=with_module, **known)
        if with_module and not MODULE.exists():
            raise HostError(f"{MODULE.relative_to(ROOT)} is missing: run `make build`")
        options.pop("real_time", None)
        return FreeSwitchHost(self.switch, folder, MODULE if with_module else None, **options)


def specs() -> list[Spec]:
    """pocket, and each FreeSWITCH."""
    found = [Spec(switch.name, switch) for switch in switches.find()]
    return [Spec("pocket"), *found]


class Manager:
    """Keeps one shared host per spec, and makes fresh ones.

    A process has one pocket at a time: a fresh one closes the shared one, which
    is opened anew when it is next asked for.
    """

    def __init__(self) -> None:
        self._shared: dict[tuple[str, bool, bool], Host] = {}
        self._folders: list[Path] = []

    def shared(self, spec: Spec, *, with_module: bool = True, real_time: bool = False) -> Host:
        """The host that tests share; a new one when the last has died."""
        key = spec.name, with_module, real_time and spec.switch is None
        host = self._shared.get(key)
        if host is None or not host.alive():
            if spec.switch is None:
                self.close_pocket()
            host = self._shared[key] = spec.start(self._folder(), with_module=with_module, real_time=real_time)
        return host

    def fresh(self, spec: Spec, **options: Any) -> Host:
        """A host that is the caller's alone, and the caller's to stop."""
        if spec.switch is None:
            self.close_pocket()
        return spec.start(self._folder(), **options)

    def stop(self) -> None:
        """Stop all that is shared and remove every folder."""
        hosts = list(self._shared.values())
        self._shared.clear()
        statuses = [host.stop() for host in hosts]
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)
        if any(statuses):
            ends = ", ".join(f"{host.name}: {status}" for host, status in zip(hosts, statuses, strict=True))
            raise HostError(f"a switch did not end with status 0: {ends}")

    def close_pocket(self) -> None:
        """Close the shared pocket: a test opens one of its own."""
        for key, host in list(self._shared.items()):
            if host.is_pocket:
                host.stop()
                del self._shared[key]

    def _folder(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="mod_rust-"))
        self._folders.append(folder)
        return folder
