"""One case: what is sent on a fresh connection, and what may come of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    section: str
    title: str
    expect: Any
    # Given a maker of requests and the link; bytes it returns are sent.
    act: Callable
    # Which streams the expectation is about; the last one is the one in question.
    streams: tuple = (1,)
    # Whether a PING behind it all tells that everything was read. Not where it would itself be the fault.
    fence: bool = True
    # Our settings, and whether the preface is sent for the case.
    ours: tuple = ()
    begin: bool = True
    # A case about answers of more than a window needs a place that has one.
    large: bool = False

    @property
    def name(self):
        return f"{self.section} {self.title}"


class Cases(list):
    def add(self, section, title, expect, act=None, **options):
        """With `act` left out it decorates the function that acts."""
        if act is not None:
            self.append(Case(section, title, expect, act, **options))
            return act

        def decorate(function):
            self.append(Case(section, title, expect, function, **options))
            return function

        return decorate
