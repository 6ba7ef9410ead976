"""What windows are for (RFC 9113 5.2, 6.5.3, 6.9). These cases look at how much came and when."""

from h2_cases.case import Cases
from h2_expect import connection, fine, stream
from h2_link import (
    DEFAULT_WINDOW,
    FLOW_CONTROL_ERROR,
    GRACE,
    INITIAL_WINDOW_SIZE,
    LARGEST_WINDOW,
    data,
    settings,
    window_update,
)

CASES = Cases()
add = CASES.add
overflow = connection(FLOW_CONTROL_ERROR)


def came(link, wanted, number=1):
    """So much came on a stream and then no more."""
    link.read(lambda: link.length.get(number, 0) >= wanted or link.over(number))
    link.read(lambda: False, GRACE / 2)
    got = link.length.get(number, 0)
    if got != wanted:
        raise AssertionError(f"{got} bytes came where {wanted} may")


add("6.9.1", "a window of the connection past 2^31-1", overflow, lambda _, __: window_update(0, LARGEST_WINDOW) * 2)
add(
    "6.9.1",
    "a window of a stream past 2^31-1",
    stream(FLOW_CONTROL_ERROR),
    lambda a, _: a.post(1) + window_update(1, LARGEST_WINDOW) * 2,
)
add(
    "6.9.1",
    "the largest window of the connection",
    fine(),
    lambda a, _: window_update(0, LARGEST_WINDOW - DEFAULT_WINDOW) + a.get(1),
)
add(
    "6.9.2",
    "SETTINGS that push a window of a stream past 2^31-1",
    overflow,
    lambda a, _: (
        a.post(1) + window_update(1, LARGEST_WINDOW - DEFAULT_WINDOW) + settings((INITIAL_WINDOW_SIZE, LARGEST_WINDOW))
    ),
)


@add("6.9.1", "no more than the window of the stream", fine(), ours=((INITIAL_WINDOW_SIZE, 1),))
def _(asks, link):
    link.send(asks.get(1))
    came(link, 1)
    link.send(window_update(1, 1))
    came(link, 2)
    return window_update(1, 100_000)


@add("6.9.1", "streams do not share their windows", fine(), ours=((INITIAL_WINDOW_SIZE, 1),), streams=(1, 3))
def _(asks, link):
    link.send(asks.get(1) + asks.get(3))
    came(link, 1, 1)
    came(link, 1, 3)
    link.send(window_update(3, 100_000))
    if not link.answered(3):
        raise AssertionError("stream 3 waits for stream 1")
    came(link, 1, 1)
    return window_update(1, 100_000)


@add(
    "6.9.1",
    "no more than the window of the connection",
    fine(),
    ours=((INITIAL_WINDOW_SIZE, LARGEST_WINDOW),),
    large=True,
)
def _(asks, link):
    link.send(asks.get(1, path=asks.large))
    came(link, DEFAULT_WINDOW)
    link.send(window_update(0, 1000))
    came(link, DEFAULT_WINDOW + 1000)
    return window_update(0, LARGEST_WINDOW - DEFAULT_WINDOW)


@add(
    "6.9.1",
    "two streams share the window of the connection",
    fine(),
    large=True,
    streams=(1, 3),
    ours=((INITIAL_WINDOW_SIZE, LARGEST_WINDOW),),
)
def _(asks, link):
    link.send(asks.get(1, path=asks.large) + asks.get(3, path=asks.large))
    link.read(lambda: sum(link.length.values()) >= DEFAULT_WINDOW)
    link.read(lambda: False, GRACE / 2)
    if sum(link.length.values()) != DEFAULT_WINDOW:
        raise AssertionError(f"{sum(link.length.values())} bytes came where {DEFAULT_WINDOW} may")
    return window_update(0, LARGEST_WINDOW - DEFAULT_WINDOW)


@add("6.9.2", "a window of nothing, opened by SETTINGS", fine(), ours=((INITIAL_WINDOW_SIZE, 0),))
def _(asks, link):
    link.send(asks.get(1))
    link.read(lambda: 1 in link.status)
    came(link, 0)
    return settings((INITIAL_WINDOW_SIZE, 100_000))


@add("6.9.2", "a window of nothing, opened by WINDOW_UPDATE", fine(), ours=((INITIAL_WINDOW_SIZE, 0),))
def _(asks, link):
    link.send(asks.get(1))
    came(link, 0)
    return window_update(1, 100_000)


@add("6.9.2", "a window that became negative", fine(), large=True, ours=((INITIAL_WINDOW_SIZE, 30),))
def _(asks, link):
    link.send(asks.get(1, path=asks.large))
    came(link, 30)
    # 30 are used of 10: what is left is -20.
    link.send(settings((INITIAL_WINDOW_SIZE, 10)))
    link.send(window_update(1, 20))
    came(link, 30)
    link.send(window_update(1, 2))
    came(link, 32)
    return window_update(1, LARGEST_WINDOW - 100) + window_update(0, LARGEST_WINDOW - DEFAULT_WINDOW)


@add(
    "6.5.3",
    "the last of two equal settings counts",
    fine(),
    ours=((INITIAL_WINDOW_SIZE, 100), (INITIAL_WINDOW_SIZE, 1)),
)
def _(asks, link):
    link.send(asks.get(1))
    came(link, 1)
    return window_update(1, 100_000)


@add("6.9.2", "SETTINGS do not change the window of the connection", fine(), large=True)
def _(asks, link):
    link.send(settings((INITIAL_WINDOW_SIZE, LARGEST_WINDOW)), asks.get(1, path=asks.large))
    came(link, DEFAULT_WINDOW)
    return window_update(0, LARGEST_WINDOW - DEFAULT_WINDOW)


@add("4.2", "no frame is larger than we take", fine(), large=True, ours=((INITIAL_WINDOW_SIZE, LARGEST_WINDOW),))
def _(asks, link):
    link.send(window_update(0, LARGEST_WINDOW - DEFAULT_WINDOW), asks.get(1, path=asks.large))
    link.answered(1)
    sizes = [int(event.split()[0]) for event in link.events if event.endswith("bytes on 1")]
    if sizes and max(sizes) > 16_384:
        raise AssertionError(f"one has {max(sizes)} bytes")
    return b""


@add("6.9.1", "a body longer than every window, sent as they open", fine())
def _(asks, link):
    link.send(asks.post(1))
    sent, whole = 0, 300_000

    def room():
        initial = link.theirs.get(INITIAL_WINDOW_SIZE, DEFAULT_WINDOW)
        stream_window = initial + link.opened.get(1, 0)
        return min(stream_window, DEFAULT_WINDOW + link.opened.get(0, 0)) - sent

    while sent < whole:
        if not link.read(lambda: room() > 0):
            raise AssertionError(f"the window stays closed with {whole - sent} bytes to go")
        piece = min(room(), whole - sent, 16_384)
        sent += piece
        link.send(data(1, bytes(piece), end=sent == whole))
    return b""
