"""Taking turns by weight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any


class WeightedIterator:
    """Gives keys without end, each as often as its weight says, spread evenly. Weights can be changed at any time."""

    def __init__(self, counter: Mapping[Any, float] | None = None) -> None:
        self.weights: Counter[Any] = Counter(counter or {})
        self._owed: dict[Any, float] = {}

    def __repr__(self) -> str:
        return f"WeightedIterator({self.weights!r})"

    def __getitem__(self, key: Any) -> float:
        return self.weights[key]

    def __setitem__(self, key: Any, weight: float) -> None:
        if not weight >= 0:
            raise ValueError(f"a weight is 0 or more, not {weight}")
        self.weights[key] = weight  # type: ignore[assignment]

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        weights = {key: weight for key, weight in self.weights.items() if weight > 0}
        if not weights:
            raise StopIteration
        if len(weights) == 1:
            return next(iter(weights))
        owed = {key: self._owed.get(key, 0.0) + weight for key, weight in weights.items()}
        chosen = max(owed, key=lambda key: owed[key])
        owed[chosen] -= sum(weights.values())
        self._owed = owed
        return chosen


__all__ = ["WeightedIterator"]
