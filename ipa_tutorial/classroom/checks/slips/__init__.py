"""Wrong answers that people give to single exercises, by name. Importing a file of this folder writes its slips down."""

from .registry import SLIPS, Slip, slip, slips_of

__all__ = ["SLIPS", "Slip", "slip", "slips_of"]
