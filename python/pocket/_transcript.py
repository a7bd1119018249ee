"""What happened on a call, as its far end saw it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# What an entry can tell of.
KINDS = (
    "created",
    "state",
    "early media",
    "answered",
    "plays",
    "speaks",
    "played",
    "digit",
    "sent digit",
    "variable",
    "application",
    "transferred",
    "bridged",
    "hung up",
    "recorded",
    "spoken",
    "said",
    "phrase",
    "listens",
    "heard",
    "message",
    "stand-in",
)
# What the switch counts in microseconds.
TIMES = frozenset({"start", "end"})


@dataclass(frozen=True)
class Entry:
    """One thing that happened.

    `kind` is one of "created", "state", "early media", "answered", "plays"
    and "speaks" (a sound begins), "played", "digit", "sent digit", "variable", "application", "transferred", "bridged",
    "recorded", "spoken", "said", "phrase", "listens", "heard", "message",
    "stand-in" (what pocket does not do) and "hung up"; `text` is what it was about: a file, a digit, a name, a text, a
    cause.
    """

    time: float
    kind: str
    text: str
    data: Mapping[str, str | float] = field(default_factory=dict)

    def describe(self) -> str:
        """The entry as a person reads it, without its time."""
        data = self.data
        match self.kind:
            case "played" | "recorded" | "spoken" | "said" | "phrase":
                length = f" for {float(data['end']) - float(data['start']):.2f} s" if "start" in data else ""
                return f"{self.kind} {self.text}{length}: {data.get('why', '')}"
            case "listens":
                return f"listens {data['what']} {self.text}".rstrip()
            case "application":
                return f"application {self.text}({data['data']})"
            case "variable":
                return f"variable {self.text}={data['value']}"
            case "hung up":
                return f"hung up by the {data['by']}: {self.text}"
            case _:
                return f"{self.kind} {self.text}".rstrip()


class Transcript(list[Entry]):
    """All entries of a call, in order."""

    @classmethod
    def of(cls, entries: Iterable[tuple[float, str, str, list[tuple[str, str]]]]) -> Transcript:
        """From what the extension tells."""
        return cls(Entry(time, kind, text, dict(map(_datum, data))) for time, kind, text, data in entries)

    def of_kind(self, kind: str) -> list[Entry]:
        """The entries of one kind; ValueError for a kind that there is not."""
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is no kind of an entry; there are {', '.join(KINDS)}")
        return [entry for entry in self if entry.kind == kind]

    def text(self) -> str:
        """The call as a person reads it: seconds since its beginning, and what happened."""
        begin = self[0].time if self else 0.0
        return "\n".join(f"{entry.time - begin:8.3f}  {entry.describe()}" for entry in self)

    def __str__(self) -> str:
        return self.text()


def _datum(pair: tuple[str, str]) -> tuple[str, str | float]:
    name, value = pair
    return name, int(value) / 1e6 if name in TIMES else value
