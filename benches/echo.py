"""What a command of one line costs: `python`, mod_lua's `lua` and mod_python3's `python`, as multiples of `echo`.

Each beside the `echo` of the same switch, in alternating rounds; medians. mod_python3 has a switch of its own, since
it does not load beside mod_rust.
"""

from __future__ import annotations

import sys

import rig
from support import one_line


def main(rounds: int) -> int:
    """Run, and print; 1 when a command in Python costs more than 1.2 times `echo`."""
    with rig.running(quiet=False) as host:
        name = host.script(one_line.SCRIPT)
        (host.script_dir / "one_line.lua").write_text(one_line.LUA, encoding="utf-8")
        [python] = one_line.ratios(host, rounds, f"python {name} hello")
        [lua] = one_line.ratios(host, rounds, "lua one_line.lua hello")
    with rig.running(module="mod_python3", quiet=False) as host:
        name = host.script(one_line.SCRIPT)
        [theirs] = one_line.ratios(host, rounds, f"python {name} hello")
    print(f"{rig.switch().name}, {rounds} rounds; one command in multiples of 'echo'")
    print(f"  mod_rust {python:.2f}   mod_lua {lua:.2f}   mod_python3 {theirs:.2f}")
    return 1 if python > 1.2 else 0


if __name__ == "__main__":
    sys.exit(main(rig.number(1, 9)))
