"""EventConsumer: binding, popping, timeouts, overflow, iteration, and its end under a waiting thread."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hosts.base import Host
from support.saw import in_api
from support.timing import lasted


def test_bind_and_pop(host: Host) -> None:
    saw = in_api(
        host,
        """
        def body(saw):
            consumer = freeswitch.EventConsumer()
            saw["bind"] = [consumer.bind("CUSTOM", "bind::one"), consumer.bind("CUSTOM", "bind::two"),
                           consumer.bind("NO_SUCH_EVENT")]
            for name in ("one", "two", "three"):
                freeswitch.Event("CUSTOM", "bind::" + name).fire()
            saw["got"] = sorted(consumer.pop(1, 5000)["Event-Subclass"] for _ in range(2))
            saw["empty"] = [len(consumer), consumer.pop(), consumer.pop(0, 5000), bool(consumer)]
            consumer.cleanup()
            freeswitch.Event("CUSTOM", "bind::one").fire()
            saw["after"] = [consumer.pop(), consumer.pop(1), consumer.bind("CUSTOM", "bind::one"), len(consumer)]
            consumer.cleanup()
        """,
    )
    assert saw == {
        "bind": [1, 1, 0],
        "got": ["bind::one", "bind::two"],
        "empty": [0, None, None, True],
        "after": [None, None, 0, 0],
    }
    assert host.wait_log("NO_SUCH_EVENT").level == "WARNING"


def test_a_timeout(host: Host) -> None:
    saw = in_api(
        host,
        """
        def body(saw):
            consumer = freeswitch.EventConsumer("CUSTOM", "nobody::fires")
            begun = int(freeswitch.API().getTime())
            saw["none"] = consumer.pop(1, 300)
            saw["took"] = int(freeswitch.API().getTime()) - begun
        """,
    )
    assert saw["none"] is None
    lasted(host, saw["took"], 300, other=0, slack=20)


def test_all_events_of_a_kind(host: Host) -> None:
    saw = in_api(
        host,
        """
        def body(saw):
            with freeswitch.EventConsumer("CUSTOM") as consumer:
                freeswitch.Event("CUSTOM", "kind::any").fire()
                while consumer.pop(1, 5000)["Event-Subclass"] != "kind::any": pass
                saw["found"] = True
            with freeswitch.EventConsumer("ALL") as consumer:
                freeswitch.Event("MESSAGE").fire()
                while consumer.pop(1, 5000).getType() != "MESSAGE": pass
        """,
    )
    assert saw == {"found": True}


def test_overflow_drops_the_oldest_and_counts(host: Host) -> None:
    saw = in_api(
        host,
        """
        def body(saw):
            consumer = freeswitch.EventConsumer("CUSTOM", "overflow::one", 5)
            for n in range(20):
                event = freeswitch.Event("CUSTOM", "overflow::one")
                event["Number"] = str(n)
                event.fire()
                # One at a time: the core may pass on two events in another order.
                while consumer.dropped + len(consumer) < n + 1: freeswitch.msleep(1)
            saw["kept"] = [consumer.pop()["Number"] for _ in range(len(consumer))]
            saw["dropped"] = consumer.dropped
        """,
    )
    assert saw == {"kept": ["15", "16", "17", "18", "19"], "dropped": 15}


def test_iteration_ends_with_the_cleanup(host: Host) -> None:
    saw = in_api(
        host,
        """
        def body(saw):
            saw["got"] = []
            consumer = freeswitch.EventConsumer("CUSTOM", "iteration::one")
            third = threading.Event()
            def read():
                for event in consumer:
                    saw["got"].append(event["Number"])
                    if len(saw["got"]) == 3: third.set()
            thread = threading.Thread(target=read)
            thread.start()
            for n in "123":
                event = freeswitch.Event("CUSTOM", "iteration::one")
                event["Number"] = n
                event.fire()
            saw["third"] = third.wait(10)
            consumer.cleanup()
            thread.join(10)
            saw["alive"] = thread.is_alive()
            saw["got"].sort()
        """,
    )
    assert saw == {"got": ["1", "2", "3"], "third": True, "alive": False}


def test_many_threads_share_one(host: Host) -> None:
    saw = in_api(
        host,
        """
        def body(saw):
            consumer = freeswitch.EventConsumer("CUSTOM", "shared::one")
            got, lock = [], threading.Lock()
            def read():
                while (event := consumer.pop(1)) is not None:
                    with lock: got.append(event["Number"])
            threads = [threading.Thread(target=read) for _ in range(4)]
            for thread in threads: thread.start()
            for n in range(200):
                event = freeswitch.Event("CUSTOM", "shared::one")
                event["Number"] = str(n)
                event.fire()
            deadline = time.monotonic() + 10
            while len(got) < 200 and time.monotonic() < deadline: freeswitch.msleep(10)
            consumer.cleanup()
            for thread in threads: thread.join(10)
            saw["all"] = sorted(map(int, got)) == list(range(200))
            saw["alive"] = any(thread.is_alive() for thread in threads)
        """,
    )
    assert saw == {"all": True, "alive": False}


def test_what_it_does_not_take(host: Host) -> None:
    saw = in_api(
        host,
        """
        def body(saw):
            saw["len 0"] = tried(freeswitch.EventConsumer, "CUSTOM", "", 0)
            saw["negative"] = tried(freeswitch.EventConsumer, "CUSTOM", "", -1)
        """,
    )
    assert all(said.startswith("ValueError: argument") for said in saw.values()), saw


def test_an_event_that_came_is_like_any_other(host: Host) -> None:
    saw = in_api(
        host,
        """
        def body(saw):
            event = freeswitch.Event({"Event-Name": "CUSTOM", "Event-Subclass": "flat::one", "List": ["a", "b", ""],
                                      "Bytes": "\\udcff", "Long": "x" * 100_000, "Twice": "1"})
            event.addHeader("Twice", "2")
            event.body = "the body"
            with freeswitch.EventConsumer("CUSTOM", "flat::one") as consumer:
                event.fire()
                came = consumer.pop(1, 5000)
                says = [
                    lambda e: e.getType(),
                    lambda e: [e["list"], e["LIST"], e.getHeader("List"), e["Bytes"], len(e["Long"])],
                    lambda e: [e["Twice"], e.getHeader("No-Such"), e.get("No-Such", 7), "long" in e, "No" in e],
                    lambda e: [e.body, e.getBody(), e.getHeader("_body")],
                    lambda e: [item for item in e.items() if item[0] in {"List", "Bytes", "Long", "Twice"}],
                    lambda e: len(e) == len(e.keys()) == len(list(e)),
                ]
                read = [say(came) for say in says]
                saw["length"] = len(came)
                text = came.serialize()
                # From here on it is the core's own.
                saw["the same"] = read == [say(came) for say in says]
                saw["length then"] = len(came)
                saw["read"], saw["has"] = read, "flat%3A%3Aone" in text and "ARRAY" in text
                came["More"] = ["1", "2"]
                del came["Twice"]
                came.fire()
                again = consumer.pop(1, 5000)
                saw["again"] = [again["More"], "Twice" in again, again.body]
                changed = consumer.pop() or again
                changed.merge(came)
                changed.setPriority(2)
                saw["priority"] = changed["priority"]
        """,
    )
    assert saw["read"] == [
        "CUSTOM",
        [["a", "b", ""], ["a", "b", ""], "ARRAY::a|:b|:", "\udcff", 100_000],
        ["1", None, 7, True, False],
        ["the body"] * 3,
        [
            ["List", ["a", "b", ""]],
            ["Bytes", "\udcff"],
            ["Long", "x" * 100_000],
            ["Twice", "1"],
            ["Twice", "2"],
        ],
        True,
    ]
    assert saw["the same"]
    assert saw["length"] == saw["length then"]
    assert saw["has"]
    assert saw["again"] == [["1", "2"], False, "the body"]
    assert saw["priority"] == "HIGH"


@pytest.mark.freeswitch_only  # in pocket a subscription ends at once
def test_consumers_that_are_dropped_do_not_pile_up(fresh: Callable[..., Host]) -> None:
    grown = {}
    for how in ("cleaned up", "dropped"):
        host = fresh()
        name = host.script(f"""
            import freeswitch
            def resident():
                with open("/proc/self/statm") as about:
                    return int(about.read().split()[1]) * 4
            def fsapi(session, stream, env, args):
                before = most = resident()
                for n in range(8000):
                    consumer = freeswitch.EventConsumer("CUSTOM", "dropped::one")
                    if "{how}" == "cleaned up": consumer.cleanup()
                    del consumer
                    if n % 500 == 499: most = max(most, resident())
                stream.write(str(most - before))
        """)
        grown[how] = int(host.api(f"python {name}"))
        host.stop()
    # In KiB. A consumer has a queue of 40 KB in a memory pool: 320 MB, where all 8,000 waited for their end. What the
    # core keeps of pools that are done with differs by some 50 MB on busy cores.
    assert grown["dropped"] < grown["cleaned up"] + 150_000, grown
