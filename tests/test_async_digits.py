"""Digits of a call that a coroutine serves: those that are typed ahead, that end what plays, and that are sent."""

from __future__ import annotations

from hosts.base import Host
from support.saw import coroutine, in_coroutine


def test_digits_between_two_verbs_are_read_first(host: Host) -> None:
    saw, _ = in_coroutine(
        host,
        """
        async def body(session, saw):
            await session.answer()
            await asyncio.sleep(1)
            saw["ahead"] = await session.get_digits(3, timeout=5)
            saw["rest"] = await session.get_digits(4, terminators="#", timeout=5)
        """,
        press=[(0.3, "12345"), (1.5, "6#")],
    )
    assert saw == {"ahead": "123", "rest": "456"}


def test_digits_that_it_has_not_read_are_those_of_the_next_application(host: Host) -> None:
    name = coroutine(
        host,
        """
        async def body(session, saw):
            await session.answer()
            await until(lambda: session.getVariable("go_on"))
        """,
    )
    call = host.start_call(host.extension(("python", name), ("read", "3 3 silence_stream://60000 got 60000 #")))
    host.wait_event("CHANNEL_ANSWER", {"Unique-ID": call.uuid})
    call.press("12")
    host.wait_event("DTMF", {"Unique-ID": call.uuid, "DTMF-Digit": "2"})
    host.api(f"uuid_setvar {call.uuid} go_on yes")
    host.wait_event("CHANNEL_EXECUTE", {"Unique-ID": call.uuid, "Application": "read"})
    call.press("3")
    result = call.wait()
    assert result.variables["got"] == "123"
    assert [event["DTMF-Digit"] for event in result.events if event["Event-Name"] == "DTMF"] == ["1", "2", "3"]


def test_digits_that_were_typed_ahead_end_at_their_terminator(host: Host) -> None:
    saw, _ = in_coroutine(
        host,
        """
        async def body(session, saw):
            typed = session.stream("DTMF")
            await session.answer()
            saw["typed"] = ""
            async for event in typed:
                saw["typed"] += event["DTMF-Digit"]
                if len(saw["typed"]) == 7: break
            # Each is as long as it may be with its terminator.
            saw["read"] = await session.get_digits(4, terminators="#", timeout=5)
            saw["asked"] = await session.play_and_get_digits("silence_stream://5000", max_digits=3, terminators="*")
        """,
        press=[(1.0, "456#78*")],
    )
    assert saw == {"typed": "456#78*", "read": "456", "asked": "78"}


def test_after_a_digit_that_was_typed_ahead_the_next_is_waited_for_as_between_two(host: Host) -> None:
    saw, _ = in_coroutine(
        host,
        """
        async def body(session, saw):
            typed = session.once("DTMF", guard={"DTMF-Digit": "2"}, timeout=20)
            await session.answer()
            await typed
            saw["read"] = await session.get_digits(5, timeout=600, between=0.3)
        """,
        press=[(0.5, "12")],
    )
    assert saw == {"read": "12"}


def test_digits_end_what_plays(host: Host) -> None:
    saw, _ = in_coroutine(
        host,
        """
        async def body(session, saw):
            await session.answer()
            saw["by"] = await session.play("silence_stream://20000", terminators="*#")
            saw["kept"] = await session.get_digits(1, timeout=1)
            saw["asked"] = await session.play_and_get_digits("silence_stream://20000", max_digits=2, regex="[0-9]+")
        """,
        press=[(0.5, "7*"), (1.5, "42")],
    )
    assert saw == {"by": "*", "kept": "7", "asked": "42"}


def test_digits_are_sent_or_it_says_why_not(host: Host) -> None:
    saw, _ = in_coroutine(
        host,
        """
        async def body(session, saw):
            await session.answer()
            await session.send_dtmf("12")
            for digits in ("", "1\\0"):
                try:
                    await session.send_dtmf(digits)
                except (freeswitch.VerbError, ValueError) as error:
                    saw[repr(digits)] = f"{type(error).__name__}: {error}"
        """,
    )
    assert saw["''"].startswith("VerbError: -USAGE"), saw
    assert saw["'1\\x00'"] == "ValueError: argument 'digits' has a NUL at position 1"
