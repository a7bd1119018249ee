"""Taking turns by weight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any


class WeightedIterator:
    """Gives keys without end, each as often as its weight says, spread evenly. Weights can be changed at any time."""

    def __init__(self, counter: Mapping[Any, float] | None = None) -> None:
        self.weights: Counter[Any] = Counter(counter or {})
        # How often each is still given before all have had their share, and it begins anew.
        self.counts: Counter[Any] = self.weights.copy()
        self._owed: dict[Any, float] = {}

    def __repr__(self) -> str:
        return f"WeightedIterator({self.weights!r})"

    def __getitem__(self, key: Any) -> float:
        return self.weights[key]

    def __setitem__(self, key: Any, weight: float) -> None:
        if not weight >= 0:
            raise ValueError(f"a weight is 0 or more, not {weight}")
        self.weights[key] = weight  # type: ignore[assignment]
        self.counts = self.weights.copy()

    def cycle(self) -> Iterator[Any]:
        """Give keys in turn without end, each as often as the others; none where there are no weights."""
        while keys := list(self.weights):
            yield from keys

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        weights = {key: weight for key, weight in self.weights.items() if weight > 0}
        if not weights:
            raise StopIteration
        owed = {key: self._owed.get(key, 0.0) + weight for key, weight in weights.items()}
        chosen = max(owed, key=lambda key: owed[key])
        owed[chosen] -= sum(weights.values())
        self._owed = owed
        if not any(count > 0 for count in self.counts.values()):
            self.counts = self.weights.copy()
        self.counts[chosen] -= 1
        return chosen


__all__ = ["WeightedIterator"]
