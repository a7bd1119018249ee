"""Call programs that must do the same wherever they run, by what they are about."""

from __future__ import annotations

from support.programs import cancelling, digits, ending, errors, events, examples, legs, state, tasks, verbs
from support.programs.case import Case

SUBJECTS = (verbs, digits, cancelling, ending, events, legs, state, errors, tasks)
CASES: dict[str, Case] = {name: case for subject in SUBJECTS for name, case in subject.CASES.items()}
EXAMPLES: dict[str, Case] = examples.CASES
