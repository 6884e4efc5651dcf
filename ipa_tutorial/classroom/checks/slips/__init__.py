"""Wrong answers to single exercises, by name; importing a file of this folder writes its slips down."""

from . import attention, block, frames, losses, moving, projections, trained  # noqa: F401  (they fill SLIPS)
from .registry import SLIPS, Slip, slip, slips_of

__all__ = ["SLIPS", "Slip", "slip", "slips_of"]
