"""A model of what waits see, against the dispatcher of apps; runs in a switch, on its event loop, and in no other time.

A case is a seed: legs with their events in a random order, handed out in random portions, and coroutines that wait for
random kinds in every way that asyncio has. By the model a coroutine reads the events of its leg one after the other: a
wait ends with the first event of its kinds after the one that ended the wait before. A new task goes on where the
latest wait of what has made it ended: where several wait side by side, each begins at once with a wait of its own.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import freeswitch
from freeswitch import _loop
from freeswitch.apps import _dispatch, _loading
from freeswitch.apps.models import Session

# The way to wait, the kinds, and how many turns to idle before.
Step = tuple[str, list[str], int]

KINDS = ("CHANNEL_ANSWER", "CHANNEL_BRIDGE", "CHANNEL_HOLD", "DTMF", "test::waits")


class Fed(_dispatch.Listener):
    """A dispatcher whose events come from the case, not from the switch."""

    def __init__(self, number: int) -> None:
        super().__init__()
        _loop.here.taps.pop(self._tap.id)
        self._tap.close()
        self.number, self.is_told = number, False
        self.waiting: list[freeswitch.Event] = []
        self._source = self
        _loop.here.taps[number] = self

    def need(self, name: str) -> None:
        """Listen to nothing."""

    def take(self, most: int) -> list[freeswitch.Event]:
        """Give what was put here, as a tap does."""
        taken, self.waiting = self.waiting[:most], self.waiting[most:]
        self.is_told = bool(taken)
        return taken

    def has_more(self) -> bool:
        """Tell whether there are any, as a tap does."""
        self.is_told = bool(self.waiting)
        return self.is_told

    def put(self, events: list[freeswitch.Event]) -> None:
        """Have events come."""
        self.waiting += events
        if not self.is_told:
            self.is_told = True
            asyncio.get_running_loop().call_soon(_loop.deliver, self.number)


def event(kind: str, uuid: str, serial: int) -> freeswitch.Event:
    """Make an event of a leg."""
    made = freeswitch.Event(*(("CUSTOM", kind) if "::" in kind else (kind,)))
    made["Unique-ID"], made["Serial"] = uuid, str(serial)
    return made


# The ways to wait: each gives the event.


async def nested(session: Session, kinds: Sequence[str], depth: int) -> freeswitch.Event:
    """Wait in tasks that lie in each other."""
    if depth:
        return await asyncio.create_task(nested(session, kinds, depth - 1))
    return await session.recv(kinds[0])


async def by_wait(session: Session, kinds: Sequence[str]) -> freeswitch.Event:
    """Wait by asyncio.wait."""
    done, _ = await asyncio.wait({session.recv(kinds[0])})
    return done.pop().result()


async def by_gather(session: Session, kinds: Sequence[str]) -> freeswitch.Event:
    """Wait by gather."""
    return (await asyncio.gather(session.recv(kinds[0])))[0]


async def by_poll(session: Session, kinds: Sequence[str]) -> freeswitch.Event:
    """Wait for any."""
    (found,), left = await session.poll(kinds)
    assert len(left) == len(kinds) - 1
    return found


WAYS: dict[str, Callable[[Session, Sequence[str]], Any]] = {
    "recv": lambda session, kinds: session.recv(kinds[0]),
    "recv, timeout": lambda session, kinds: session.recv(kinds[0], timeout=1000),
    "wait_for": lambda session, kinds: asyncio.wait_for(session.recv(kinds[0]), 1000),
    "wait_for a coroutine": lambda session, kinds: asyncio.wait_for(nested(session, kinds, 0), 1000),
    "wait_for a task of tasks": lambda session, kinds: asyncio.wait_for(nested(session, kinds, 3), 1000),
    "tasks": lambda session, kinds: nested(session, kinds, 7),
    "wait": by_wait,
    "gather": by_gather,
    "poll": by_poll,
}


IN_NEW_TASKS = {"wait_for a coroutine", "wait_for a task of tasks", "tasks"}


def plan(chance: random.Random, is_alone: bool) -> list[Step]:
    """Give what one coroutine does: how it waits, for what, and how many turns it idles before."""
    steps = []
    for at in range(chance.randint(1, 12)):
        way = chance.choice([way for way in WAYS if at or is_alone or way not in IN_NEW_TASKS])
        count = chance.randint(1, 3) if way == "poll" else 1
        idle = chance.choice((0, 0, 0, 1, 3, 9)) if at or is_alone else 0
        steps.append((way, chance.sample(KINDS, count), idle))
    return steps


def expected(steps: list[Step], serials: list[int], kinds: list[str]) -> list[int | str]:
    """Give what the model sees of these events."""
    seen: list[int | str] = []
    place = 0
    for _, wanted, _ in steps:
        found = next((at for at in range(place, len(serials)) if kinds[at] in wanted), None)
        if found is None:
            return [*seen, "over"]
        seen.append(serials[found])
        place = found + 1
    return seen


async def follow(session: Session, steps: list[Step], seen: list[int | str]) -> None:
    """Do what a plan says."""
    try:
        for way, kinds, idle in steps:
            for _ in range(idle):
                await asyncio.sleep(0)
            seen.append(int((await WAYS[way](session, kinds))["Serial"]))
    except (asyncio.CancelledError, freeswitch.SessionLost):
        seen.append("over")


def mix(
    chance: random.Random, legs: dict[str, list[list[Step]]], serials: dict[str, tuple[list[int], list[str]]]
) -> list[freeswitch.Event]:
    """Make the events of legs, and put them between each other, each leg's in their order."""
    stream = []
    count = 0
    for uuid in legs:
        kinds = [chance.choice(KINDS) for _ in range(chance.choice((0, 3, 20, 60, 150)))]
        mine = [event("CHANNEL_CREATE", uuid, -1)]
        mine += [event(kind, uuid, count + at) for at, kind in enumerate(kinds)]
        mine.append(event("CHANNEL_DESTROY", uuid, -1))
        serials[uuid] = list(range(count, count + len(kinds))), kinds
        count += len(kinds)
        stream.append(mine)
    order = [at for at, mine in enumerate(stream) for _ in mine]
    chance.shuffle(order)
    return [stream[at].pop(0) for at in order]


async def case(seed: int) -> str | None:
    """Run a case; what is wrong, if anything is."""
    chance = random.Random(seed)
    fed = Fed(-1 - seed)
    legs: dict[str, list[list[Step]]] = {}
    serials: dict[str, tuple[list[int], list[str]]] = {}
    for leg in range(chance.randint(1, 3)):
        # One coroutine, or several that are tasks of one, or of their own.
        several = chance.choice((1, 1, 2, 3))
        legs[f"leg-{seed}-{leg}"] = [plan(chance, several == 1) for _ in range(several)]
    mixed = mix(chance, legs, serials)
    seen: dict[str, list[list[int | str]]] = {uuid: [[] for _ in plans] for uuid, plans in legs.items()}
    together = {uuid: chance.random() < 0.5 for uuid in legs}
    done: list[str] = []

    async def whole(session: Session) -> None:
        mine = list(zip(legs[session.uuid], seen[session.uuid], strict=True))
        if together[session.uuid] and len(mine) > 1:
            await asyncio.gather(*(follow(session, *one) for one in mine))
        else:
            await follow(session, *mine[0])
        done.append(session.uuid)

    async def apart(session: Session) -> None:
        mine = list(zip(legs[session.uuid], seen[session.uuid], strict=True))[1:]
        if not together[session.uuid]:
            await asyncio.gather(*(asyncio.create_task(follow(session, *one)) for one in mine))
        done.append(session.uuid)

    app = _loading.App("Model", object(), None)
    app.coroutines = {"CHANNEL_CREATE": [(whole, 1), (apart, 1)]}
    fed.apps["default"] = [app]
    fed.look_again()
    while mixed:
        size = chance.choice((1, 2, 5, 30, 1000))
        fed.put(mixed[:size])
        mixed = mixed[size:]
        for _ in range(chance.choice((0, 0, 1, 2, 10))):
            await asyncio.sleep(0)
    turns = 0
    while len(done) < 2 * len(legs):
        await asyncio.sleep(0)
        turns += 1
        if turns > 20_000:
            return f"seed {seed}: a coroutine hangs: {seen}"
    del _loop.here.taps[fed.number]
    for uuid, plans in legs.items():
        for steps, saw in zip(plans, seen[uuid], strict=True):
            right = expected(steps, *serials[uuid])
            if saw != right:
                return f"seed {seed}: {saw}, and not {right}, of {list(zip(*serials[uuid], strict=True))} by {steps}"
    return None


async def fsapi(_session: object, stream: freeswitch.Stream, _env: object, args: str) -> None:
    """Run the cases of some seeds."""
    first, count = map(int, args.split())
    wrong = [found for seed in range(first, first + count) if (found := await case(seed)) is not None]
    stream.write(json.dumps({"wrong": len(wrong), "first": wrong[:1]}))
