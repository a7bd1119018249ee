"""One matrix: each call program of the tests and each async example, in each place of each switch found.

ARGS: names of programs; all of them without. A cell is `ok` where a program's transcript is that of the first place
that has run it, and has what it must have; `-` where the program says that it cannot run there; else DIFFERS.
"""

from __future__ import annotations

import sys
from collections import Counter

import bus_rig
from hosts.base import HostError
from hosts.manager import Manager, specs
from support.places import Places
from support.programs import CASES, EXAMPLES


def main(names: list[str]) -> int:
    """Run, and print; 1 when something differs."""
    cases = {**CASES, **EXAMPLES}
    unknown = [name for name in names if name not in cases]
    if unknown:
        print(f"no program {', '.join(unknown)}")
        return 2
    chosen = {name: cases[name] for name in names or cases}
    cells: dict[str, list[str]] = {name: [] for name in chosen}
    why: list[str] = []
    columns: list[str] = []
    with bus_rig.server() as (nats, _):
        manager = Manager()
        places = Places(chosen, nats, manager)
        try:
            # One switch after the other: pocket is one to a process.
            for spec in specs():
                host = places.on(spec)
                columns += [f"{spec.name} {app}" for app in places.apps]
                for name, case in chosen.items():
                    host.begin_test()
                    row = cells[name]
                    try:
                        for app, wrong in places.verdicts(host, name):
                            if wrong:
                                row.append("DIFFERS")
                                why.append(f"{name} on {spec.name} by {app}: {wrong}")
                            else:
                                row.append("-" if app in case.cannot else "ok")
                    except (TimeoutError, HostError) as error:
                        row.append("DIFFERS")
                        why.append(f"{name} on {spec.name}: {error}")
                    row += ["?"] * (len(columns) - len(row))
                    if not host.has_no_calls():
                        host.api("hupall")
                        host.wait_no_calls()
        finally:
            places.end()
            manager.stop()
    show(columns, cells)
    for name, case in chosen.items():
        for app, said in case.cannot.items():
            print(f"- {name} by {app}: {said}")
    print(*why, sep="\n")
    counts = Counter(cell for row in cells.values() for cell in row)
    print(f"{len(chosen)} programs in {len(columns)} places: {dict(counts)}; {bus_rig.load_average()}")
    return 1 if why else 0


def show(columns: list[str], cells: dict[str, list[str]]) -> None:
    """Print the matrix, its columns by number."""
    width = max(map(len, cells))
    for number, column in enumerate(columns, 1):
        print(f"{number}: {column}")
    print(" " * width, *(f"{number:^7}" for number in range(1, len(columns) + 1)))
    for name, row in cells.items():
        print(f"{name:{width}}", *(f"{cell:^7}" for cell in row))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
