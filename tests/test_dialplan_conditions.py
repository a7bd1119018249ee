"""Conditions of the XML dialplan: dates and times, fields, several expressions, and what follows from them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

import pytest

from hosts.base import Host

NUMBERS = iter(range(98000, 99000))
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def outcomes(host: Host, conditions: Mapping[str, str], variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """What each condition of one extension comes to: `yes` for its action, `no` for its anti-action."""
    number = str(next(NUMBERS))
    parts = []
    for name, condition in conditions.items():
        parts.append(
            f'<condition {condition} break="never"><action application="set" data="c_{name}=yes" inline="true"/>'
            f'<anti-action application="set" data="c_{name}=no" inline="true"/></condition>'
        )
    host.dialplan(
        f'<extension name="{number}"><condition field="destination_number" expression="^{number}$"/>'
        f'{"".join(parts)}<condition><action application="hangup"/></condition></extension>'
    )
    seen = host.call(extension=number, variables=variables).variables
    return {name: seen.get(f"c_{name}", "neither") for name in conditions}


def now(host: Host) -> datetime.datetime:
    """The switch's own time, which its conditions look at."""
    return datetime.datetime.strptime(host.api("strftime %Y-%m-%d %H:%M:%S"), "%Y-%m-%d %H:%M:%S")


def at_one_time(host: Host, conditions: Mapping[str, str], **more: Mapping[str, str]) -> dict[str, str]:
    """As `outcomes`, of conditions that name `{now:...}`: again when the minute was over while they were looked at."""
    while True:
        before = now(host)
        filled = {name: condition.format(**fields(before)) for name, condition in conditions.items()}
        seen = outcomes(host, filled, **more)
        if now(host).replace(second=0) == before.replace(second=0):
            return seen


def fields(moment: datetime.datetime) -> dict[str, object]:
    """The numbers that a condition compares, of that moment, and of one that it is not."""
    weekday = moment.isoweekday() % 7
    first = (moment.replace(day=1).isoweekday()) % 7
    day = datetime.timedelta(days=1)
    return {
        "year": moment.year,
        "yday": moment.timetuple().tm_yday,
        "mon": moment.month,
        "mday": moment.day,
        "week": (moment.timetuple().tm_yday - 1) // 7 + 1,
        "mweek": (moment.day + first - 1) // 7 + 1,
        "wday": weekday + 1,
        "weekday": DAYS[weekday],
        "next_weekday": DAYS[(weekday + 1) % 7],
        "before_weekday": DAYS[(weekday - 1) % 7],
        "hour": moment.hour,
        "next_hour": (moment.hour + 1) % 24,
        "before_hour": (moment.hour - 1) % 24,
        "minute": moment.minute,
        "minute_of_day": moment.hour * 60 + moment.minute + 1,
        "yesterday": moment - day,
        "tomorrow": moment + day,
        "day_after": moment + 2 * day,
        "next_year": moment.year + 1,
        "today": moment.date(),
    }


PASSES = {
    "year": 'year="{year}"',
    "years": 'year="2000-{year}"',
    "yday": 'yday="{yday}"',
    "mon": 'mon="{mon}"',
    "mon_list": 'mon="13,{mon}"',
    "mday": 'mday="{mday}"',
    "week": 'week="{week}"',
    "mweek": 'mweek="{mweek}"',
    "wday": 'wday="{wday}"',
    "wday_named": 'wday="{weekday}"',
    "wday_in_capitals": 'wday="MON,TUE,WED-SAT,SUN"',
    "wday_range": 'wday="{before_weekday}-{next_weekday}"',
    "wday_list": 'wday="{next_weekday},{weekday}"',
    "hour": 'hour="{hour}"',
    "hour_around_midnight": 'hour="{before_hour}-{next_hour}"',
    "minute": 'minute="{minute}"',
    "minute_of_day": 'minute-of-day="{minute_of_day}"',
    "time_of_day": 'time-of-day="{hour}:{minute:02}-{hour}:{minute:02}:59"',
    "time_of_day_list": 'time-of-day="25:00-26:00,00:00-24:00"',
    "date_time": 'date-time="{yesterday}~{tomorrow}"',
    "date_time_list": 'date-time="2001-01-01 00:00:00~2001-01-02 00:00:00,{yesterday}~{tomorrow}"',
    "date_alone": 'date-time="{today}~{next_year}-01-01"',
    "several": 'year="{year}" mon="{mon}" hour="{hour}"',
    "or_field": 'year="{year}" field="destination_number" expression="^nobody$"',
    "field_alone_counts": 'year="{next_year}" field="destination_number" expression="."',
    "tz_offset_that_is_no_number": 'tz-offset="here"',
}
FAILS = {
    "year": 'year="{next_year}"',
    "years": 'year="2000-2001"',
    "yday": 'yday="367"',
    "mon": 'mon="13"',
    "mon_named": 'mon="jan-dec"',
    "mday": 'mday="32"',
    "week": 'week="54"',
    "mweek": 'mweek="7"',
    "wday": 'wday="{next_weekday}"',
    "wday_unread": 'wday="someday"',
    "hour": 'hour="{next_hour}"',
    "minute": 'minute="60"',
    "minute_of_day": 'minute-of-day="1441"',
    "time_of_day": 'time-of-day="25:00-26:00"',
    "time_of_day_without_minutes": 'time-of-day="0-24"',
    "date_time": 'date-time="{tomorrow}~{day_after}"',
    "date_time_without_end": 'date-time="{yesterday}"',
    "date_time_unread": 'date-time="yesterday~tomorrow"',
    "one_of_several": 'year="{year}" mon="13" hour="{hour}"',
    "tz_offset": 'tz-offset="99"',
    "no_dst": 'dst="false"',
}


def test_a_date_and_time_that_is_now(host: Host) -> None:
    assert at_one_time(host, PASSES) == dict.fromkeys(PASSES, "yes")


def test_a_date_and_time_that_is_not_now(host: Host) -> None:
    assert at_one_time(host, FAILS) == dict.fromkeys(FAILS, "no")


def test_an_hour_that_is_no_number_is_midnight(host: Host) -> None:
    found = at_one_time(host, {"unread": 'hour="noon"', "midnight": 'hour="0"'})
    assert found["unread"] == found["midnight"]


def test_the_time_of_another_place(host: Host) -> None:
    """`tod_tz_offset` is a number of hours from UTC; what is none counts as if it were not there."""
    utc = datetime.datetime.fromtimestamp(int(host.api("strepoch")), datetime.UTC)
    there = utc + datetime.timedelta(hours=5)
    conditions = {
        "hour": f'hour="{there.hour}-{(there.hour + 1) % 24}"',
        "day": f'mday="{there.day},{(there + datetime.timedelta(hours=1)).day}"',
        "tz_offset": 'tz-offset="5"',
        "elsewhere": 'tz-offset="6"',
    }
    assert outcomes(host, conditions, {"tod_tz_offset": "5"}) == {
        "hour": "yes",
        "day": "yes",
        "tz_offset": "yes",
        "elsewhere": "no",
    }
    assert at_one_time(host, {"here": 'hour="{hour}"'}, variables={"tod_tz_offset": "far"}) == {"here": "yes"}


def test_the_time_of_a_zone(host: Host) -> None:
    """`timezone` names a zone of timezones.conf."""
    there = datetime.datetime.fromtimestamp(int(host.api("strepoch")), datetime.UTC) + datetime.timedelta(minutes=825)
    later = there + datetime.timedelta(minutes=2)
    times = f'time-of-day="{there:%H:%M}-{later:%H:%M}"'
    seen = outcomes(host, {"there": times, "whole_hours": 'tz-offset="13"'}, {"timezone": "Test/Ahead"})
    assert seen == {"there": "yes", "whole_hours": "yes"}


def test_commands_that_tell_the_time(host: Host) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", host.api("strftime"))
    assert re.fullmatch(r"\d{16}", host.api("strmicroepoch"))
    assert host.api("strepoch 1970-01-02") == host.api("strepoch 1970-01-02 00:00:00")
    assert host.api("strepoch soon") == "0"
    # As in the core the bar swallows one more byte.
    assert host.api("strftime 86400||%Y") == "1970"
    assert host.api("strftime_tz Test/Ahead 86400|%Y-%m-%d %H:%M") == "1970-01-02 13:45"
    assert host.api("strftime_tz Test/Summer 1720000000|%H:%M") == "05:46"
    assert host.api("strftime_tz Test/Summer 1705000000|%H:%M") == "14:06"
    assert host.api("strftime_tz Test/Nowhere %H").startswith("-ERR")


def test_time_in_one_of_several_expressions(host: Host) -> None:
    regexes = {
        "any": ("any", 'year="2001"', 'year="2000-2100"'),
        "any_of_none": ("any", 'year="2001"', 'mon="13"'),
        "all": ("all", 'year="2000-2100"', 'hour="0-23"'),
        "all_but_one": ("all", 'year="2000-2100"', 'mon="13"'),
        "xor": ("xor", 'year="2000-2100"', 'mon="13"'),
        "xor_of_both": ("xor", 'year="2000-2100"', 'hour="0-23"'),
    }
    number = str(next(NUMBERS))
    parts = [
        f'<condition regex="{rule}" break="never"><regex {one}/><regex {two}/>'
        f'<action application="set" data="c_{name}=yes" inline="true"/>'
        f'<anti-action application="set" data="c_{name}=no" inline="true"/></condition>'
        for name, (rule, one, two) in regexes.items()
    ]
    host.dialplan(
        f'<extension name="{number}"><condition field="destination_number" expression="^{number}$"/>{"".join(parts)}'
        '<condition><action application="hangup"/></condition></extension>'
    )
    seen = host.call(extension=number).variables
    assert {name: seen.get(f"c_{name}", "neither") for name in regexes} == {
        "any": "yes",
        "any_of_none": "no",
        "all": "yes",
        "all_but_one": "no",
        "xor": "yes",
        "xor_of_both": "no",
    }


FIELDS = {
    "caller_ton": ("caller_ton", "^255$"),
    "rdnis_numplan": ("rdnis_numplan", "^255$"),
    "screen_bit": ("screen_bit", "^true$"),
    "privacy_hide_name": ("privacy_hide_name", "^false$"),
    "created_time": ("created_time", r"^\d{16}$"),
    "answered_time": ("answered_time", "^0$"),
    "in_capitals": ("DESTINATION_NUMBER", "^98"),
    "a_variable_is_no_field": ("mine", "^value$"),
    "an_expanded_variable": ("${mine}", "^value$"),
    "nothing": ("no_such_field", "^$"),
}


def test_fields_of_the_caller_profile(host: Host) -> None:
    conditions = {
        name: f"field={quoteattr(field)} expression={quoteattr(regex)}" for name, (field, regex) in FIELDS.items()
    }
    seen = outcomes(host, conditions, {"mine": "value"})
    assert seen == {**dict.fromkeys(FIELDS, "yes"), "a_variable_is_no_field": "no"}


@pytest.mark.pocket_only  # FreeSWITCH says nothing
def test_what_is_not_known_is_said(host: Host) -> None:
    seen = outcomes(host, {"field": 'field="weekdya" expression="^$"', "attribute": 'weekday="mon"'})
    assert seen == {"field": "yes", "attribute": "yes"}
    for name in ("weekdya", "weekday"):
        assert host.wait_log(rf"\[{name}\]").level == "WARNING"


EXPRESSIONS = {
    "case": ("AbC", "/^abc$/i", "yes"),
    "no_end": ("abc", "/^abc$", "no"),
    "lines": ("a\nb", "/^a.b$/s", "yes"),
    "other_options_do_nothing": ("abc", "/^a b c$/x", "no"),
    "not_closed": ("(", "(", "no"),
    "pattern": ("2125551212", "_NXXNXXXXXX", "yes"),
    "ascii_digits": ("٣", r"^\d$", "no"),
}


def test_expressions(host: Host) -> None:
    conditions = {
        name: f'field="${{x_{name}}}" expression={quoteattr(regex)}' for name, (_, regex, _) in EXPRESSIONS.items()
    }
    texts = {f"x_{name}": text for name, (text, _, _) in EXPRESSIONS.items()}
    seen = outcomes(host, conditions, texts)
    assert seen == {name: outcome for name, (_, _, outcome) in EXPRESSIONS.items()}
    assert host.wait_log(r"missing ending '/'").level == "ERR"
    assert host.wait_log(r"^COMPILE ERROR").level == "ERR"


def test_groups_in_the_data_of_an_action(host: Host) -> None:
    """`$1` and `${1}`; a group that there is not is nothing, and a backslash stays."""
    number = str(next(NUMBERS))
    data = {"one": "$1", "braces": "${2}0", "far": "a$9b", "dollar": "a$b", "many": "$10", "backslash": "a\\$1"}
    actions = "".join(f'<action application="set" data={quoteattr(f"g_{k}={v}")}/>' for k, v in data.items())
    host.dialplan(
        f'<extension name="{number}"><condition field="destination_number" expression="^({number[:2]})(\\d+)$">'
        f'{actions}<action application="hangup"/></condition></extension>'
    )
    seen = host.call(extension=number).variables
    assert {name: seen.get(f"g_{name}") for name in data} == {
        "one": "98",
        "braces": f"{number[2:]}0",
        "far": "ab",
        "dollar": "a$b",
        "many": None,
        "backslash": "a\\98",
    }
