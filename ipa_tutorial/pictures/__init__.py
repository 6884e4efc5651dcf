"""Everything that draws. Only lessons and tools import this room.

    style.py, camera.py, chain.py     one look; where a drawing is seen from; what can be drawn
    drawing.py, ribbon.py             proteins, frames, points and links in plain matplotlib
    maps.py, curves.py                residues against residues; numbers against numbers
    figures/                          the lessons’ own figures, and the table of verdicts of all lessons
    typeset.py, card.py, dataflow.py, summary.py  formulas on a sheet: cards, the data-flow map, one page to print
    viewer.py, scene.py, trajectory.py, embedding.py   3-D views and films by 3Dmol.js, without a network
    picture.py                        how a picture gets into a notebook

What draws takes optional axes and returns what it drew on; nothing calls ``plt.show()``; ``show`` puts a figure into
the notebook. Colours are Okabe and Ito's, which all eyes can tell apart, and mean the same everywhere: scalar blue,
pair green, point vermillion. Whatever a colour says, a label, a line style or a marker says too.
"""

from .card import algorithm_card, smaller_card
from .chain import as_chain
from .curves import distance_against_weight, error_against_offset, logit_histogram, training_curves
from .dataflow import data_flow_map
from .drawing import (
    GREY,
    INK,
    PAIR,
    PALE,
    PAPER,
    POINT,
    SCALAR,
    Camera,
    draw_frames,
    draw_links,
    draw_points,
    draw_protein,
    draw_scale_bar,
)
from .maps import attention_map, attention_maps, fape_matrix, logit_maps, structure_strip
from .picture import png, show
from .style import use_style
from .viewer import view

__all__ = [
    "GREY",
    "INK",
    "PAIR",
    "PALE",
    "PAPER",
    "POINT",
    "SCALAR",
    "Camera",
    "algorithm_card",
    "as_chain",
    "attention_map",
    "attention_maps",
    "data_flow_map",
    "distance_against_weight",
    "draw_frames",
    "draw_links",
    "draw_points",
    "draw_protein",
    "draw_scale_bar",
    "error_against_offset",
    "fape_matrix",
    "logit_histogram",
    "logit_maps",
    "png",
    "show",
    "smaller_card",
    "structure_strip",
    "training_curves",
    "use_style",
    "view",
]
