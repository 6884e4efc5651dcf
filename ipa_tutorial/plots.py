"""Figures of the course: one style, maps, curves, drawings. Everything of theirs is imported from here.

Everything that draws takes optional axes and returns what it drew on; nothing calls ``plt.show()``;
:func:`~ipa_tutorial.picture.show` puts a figure into the notebook. Maps of residues are in :mod:`ipa_tutorial.maps`,
numbers against numbers in :mod:`ipa_tutorial.curves`, proteins, frames and points in :mod:`ipa_tutorial.drawing`.

Colours are Okabe and Ito's, which all eyes can tell apart, and mean the same everywhere: scalar blue, pair green, point
vermillion. Whatever a colour says, a label, a line style or a marker says too.
"""

from .card import algorithm_card
from .curves import distance_against_weight, error_against_offset, logit_histogram, training_curves
from .dataflow import data_flow_map
from .drawing import (
    GREY,
    INK,
    PAIR,
    PALE,
    POINT,
    SCALAR,
    Camera,
    draw_frames,
    draw_links,
    draw_points,
    draw_protein,
    draw_scale_bar,
)
from .maps import attention_map, attention_maps, fape_matrix, logit_maps
from .picture import show
from .secondary_structure import secondary_structure
from .strip import structure_strip
from .style import use_style

__all__ = [
    "GREY",
    "INK",
    "PAIR",
    "PALE",
    "POINT",
    "SCALAR",
    "Camera",
    "algorithm_card",
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
    "secondary_structure",
    "show",
    "structure_strip",
    "training_curves",
    "use_style",
]
