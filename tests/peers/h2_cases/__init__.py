"""The table of h2_conformance.py, a file a part of the text."""

from h2_cases import compression, connection, flow, frames, messages
from h2_cases.case import Case

TABLE: list[Case] = [
    *connection.CASES,
    *frames.CASES,
    *flow.CASES,
    *messages.CASES,
    *compression.CASES,
]
