"""The bars, and the table that says which of them hold."""

import statistics


class Figure:
    """One measured figure: samples of the same thing, judged by their median."""

    def __init__(self, name, bar, samples, unit="", digits=2):
        self.name, self.bar, self.samples, self.unit, self.digits = name, bar, list(samples), unit, digits

    @property
    def median(self):
        return statistics.median(self.samples)

    @property
    def holds(self):
        return self.median <= self.bar

    def row(self):
        low, high = min(self.samples), max(self.samples)
        return [
            self.name,
            f"<= {self._written(self.bar)}",
            self._written(self.median),
            f"{self._written(low)} .. {self._written(high)} ({len(self.samples)})",
            "yes" if self.holds else "NO",
        ]

    def _written(self, value):
        return f"{value:,.{self.digits}f}{self.unit}"


def ratios(over, under):
    """Sample by sample, because both were measured in the same round."""
    return [a / b for a, b in zip(over, under)]


def table(head, rows):
    """Markdown, padded so that it reads in a terminal."""
    rows = [list(map(str, row)) for row in rows]
    widths = [max(len(row[column]) for row in [head] + rows) for column in range(len(head))]
    line = lambda cells: "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths)) + " |"
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([line(head), rule] + [line(row) for row in rows])
