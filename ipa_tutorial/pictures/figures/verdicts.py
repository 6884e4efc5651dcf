"""Which test catches which mistake: one style for all lessons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from ..drawing import INK, PAPER
from ..style import styled

# verdict: (colour, hatching). Blue and plain is good, vermillion and hatched is not, also in print and for all eyes.
LOOKS = {
    "caught": ("#B9D7EA", ""),
    "MISSED": ("#F3BE9B", "////"),
    "fine": ("#ECEFF1", ""),
    "FALSE ALARM": ("#F3BE9B", "...."),
}


@styled
def verdict_table(
    verdicts: Mapping[tuple[str, str], str],
    rows: Sequence[str],
    columns: Sequence[str],
    framed: str | None = None,
    row_height: float = 0.55,
    column_width: float = 1.25,
    margin: float = 2.4,
) -> Figure:
    """A table of verdicts.

    Args:
        verdicts: ``{(row, column): verdict}``, each one of ``LOOKS``.
        rows, columns: in their order. Names of columns are broken over lines.
        framed: a column to draw a frame around.
        row_height, column_width, margin: in inches; the last one for the names of the rows.
    """
    unknown = sorted(set(verdicts.values()) - set(LOOKS))
    if unknown:
        raise ValueError(f"verdicts must be among {sorted(LOOKS)}, got {unknown}")
    size = (margin + column_width * len(columns), 0.7 + row_height * len(rows))
    figure, ax = plt.subplots(figsize=size)
    for y, row in enumerate(rows):
        for x, column in enumerate(columns):
            word = verdicts[row, column]
            colour, hatch = LOOKS[word]
            ax.add_patch(plt.Rectangle((x, y), 1, 1, fc=colour, ec=PAPER, lw=3, hatch=hatch))
            box = {"fc": colour, "ec": "none", "pad": 2}
            weight = "bold" if word.isupper() else "normal"
            ax.text(x + 0.5, y + 0.5, word, ha="center", va="center", weight=weight, size=10, bbox=box)
    if framed is not None:
        ax.add_patch(plt.Rectangle((columns.index(framed), 0), 1, len(rows), fill=False, ec=INK, lw=2, zorder=5))
    ax.set(xlim=(-0.03, len(columns) + 0.03), ylim=(len(rows) + 0.03, -0.03))
    letters = int(10.5 * column_width)  # that fit beside each other
    words = [fill(name, letters, break_long_words=False) for name in columns]
    ax.set_xticks([k + 0.5 for k in range(len(columns))], words)
    ax.set_yticks([k + 0.5 for k in range(len(rows))], rows)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return figure
