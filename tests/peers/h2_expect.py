"""What RFC 9113 lets a server do about a case, and the verdict about what it did.

`ok` is what the text asks for. `less strict` is allowed by the text, though it says less or lets more pass than it could.
`vague` ends what must end, but says PROTOCOL_ERROR, the code for want of a better one (7), where the text names a better
one. `wrong` is the rest. `not asked` is a case about a limit that the server has not.
"""

from dataclasses import dataclass

from h2_link import NO_ERROR, PROTOCOL_ERROR, name_of

OK, LESS, VAGUE, WRONG, UNASKED = "ok", "less strict", "vague", "wrong", "not asked"


class NotHere(Exception):
    """The server has no such limit, so that nothing can go beyond it."""


@dataclass(frozen=True)
class Connection:
    """An error of the connection: GOAWAY with one of these codes, then the end (5.4.1)."""

    codes: tuple
    # Codes that another section of the text gives to the same fault.
    also: tuple = ()
    ignoring: str = WRONG

    def judge(self, link, _streams, alive):
        if link.goaway not in (None, NO_ERROR):
            if not link.closed:
                return WRONG, "the connection is left open after GOAWAY"
            if link.goaway in self.codes:
                return OK, ""
            return graded(link.goaway, self.also), f"not {names(self.codes)}"
        if link.closed:
            # GOAWAY is a SHOULD; the end is what counts.
            return LESS, "closed without a word"
        return self.ignoring if alive else WRONG, "the connection lives"


@dataclass(frozen=True)
class Stream:
    """An error of the stream: RST_STREAM with one of these codes, and the connection lives (5.4.2).

    It may be made an error of the connection (5.4). Where `status` is set the text allows an answer that says 4xx; a request
    that is malformed may always have one (8.1.1).
    """

    codes: tuple
    status: bool = False
    also: tuple = ()
    ignoring: str = WRONG

    def judge(self, link, streams, alive):
        stream = streams[-1]
        if link.goaway not in (None, NO_ERROR):
            return graded(link.goaway, (*self.codes, *self.also)), "the whole connection had to go"
        status = link.status.get(stream)
        if self.status and status is not None and 400 <= status < 500:
            return (OK if alive else WRONG), f"answered with {status}"
        code = link.codes.get(stream)
        if code in self.codes:
            return (OK if alive else WRONG), ""
        if code in (*self.also, PROTOCOL_ERROR):
            return graded(code, self.also), f"not {names(self.codes)}"
        if link.closed:
            return LESS, "closed without a word"
        return self.ignoring if alive else WRONG, f"no error of stream {stream}"


@dataclass(frozen=True)
class Fine:
    """Nothing is wrong: each stream is answered with one of these statuses and the connection lives."""

    statuses: tuple = (200,)
    # The client said that it goes: the server may end when it has answered.
    ending: bool = False

    def judge(self, link, streams, alive):
        gone = link.goaway is not None or link.closed or not alive
        if gone and not (self.ending and link.goaway in (None, NO_ERROR)):
            return WRONG, "the connection is gone"
        for stream in streams:
            if stream in link.codes and link.codes[stream] != NO_ERROR:
                return WRONG, f"stream {stream} was reset"
            if stream not in link.ended or link.status.get(stream) not in self.statuses:
                return WRONG, f"stream {stream} was not answered with {self.statuses}"
        return OK, ""


@dataclass(frozen=True)
class Either:
    """The text leaves the choice, or another text answers the same."""

    choices: tuple

    def judge(self, link, streams, alive):
        found = [choice.judge(link, streams, alive) for choice in self.choices]
        for wanted in (OK, LESS, VAGUE):
            for verdict, why in found:
                if verdict == wanted:
                    return verdict, why
        return found[0]


def graded(code, also):
    """How good a code is that is not the one of the text."""
    if code in also:
        return LESS
    return VAGUE if code == PROTOCOL_ERROR else WRONG


def names(codes):
    return " or ".join(map(name_of, codes))


def connection(*codes, also=(), ignoring=WRONG):
    return Connection(codes, also, ignoring)


def stream(*codes, status=False, also=(), ignoring=WRONG):
    return Stream(codes, status, also, ignoring)


def fine(*statuses, ending=False):
    return Fine(statuses or (200,), ending)


def either(*choices):
    return Either(choices)
