"""One check taken out of the sources, and the tests that should notice."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    old: str
    new: str
    # Any of these must fail.
    tests: tuple[str, ...]


def mutant(name, file, old, new, *tests):
    return Mutant(name, file, old, new, tests)
