"""Where a drawing is seen from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from .chain import as_chain, as_points


@dataclass(frozen=True)
class Camera:
    """A place to look from: parallel projection, so a length is the same wherever it lies.

    ``rotation`` ``(3, 3)`` has the directions right, up and towards the viewer as its rows; ``centre`` ``(3,)`` and
    ``reach``, half the depth of the scene, are in Å.
    """

    rotation: NDArray
    centre: NDArray
    reach: float

    @staticmethod
    def facing(what, azimuth: float = 0.0, elevation: float = 0.0) -> Camera:
        """Look at a protein, frames or points ``(…, 3)`` in Å along their shortest principal axis.

        The longest axis comes to lie from left to right, and the first residue at the upper left. ``azimuth`` then
        turns the scene about the vertical, and ``elevation`` tips its top towards the viewer, both in degrees.
        """
        points = (as_chain(what).ca if hasattr(what, "coordinates") else as_points(what)).reshape(-1, 3)
        points = points[np.isfinite(points).all(-1)]
        if not len(points):
            raise ValueError("there is nothing to look at: no finite position")
        centred = points - points.mean(0)
        right, up, _ = np.linalg.svd(centred.T @ centred)[2]
        right = -right if centred[0] @ right > 0 else right
        up = -up if centred[0] @ up < 0 else up
        rotation = _turn(0, elevation) @ _turn(1, azimuth) @ np.stack([right, up, np.cross(right, up)])
        reach = np.abs(centred @ rotation[2]).max()
        return Camera(rotation, points.mean(0), max(float(reach), 5.0))

    def project(self, points: NDArray) -> NDArray:
        """``(…, 3)`` in Å → ``(…, 3)``: right, up and depth (towards the viewer), in Å from the centre."""
        return (points - self.centre) @ self.rotation.T

    def fade(self, colour: NDArray | str, depth: NDArray, strength: float = 0.3) -> NDArray:
        """Colours ``(…, 3)`` mixed with white, the more the further away: up to ``strength``."""
        far = np.clip(0.5 - depth / (2 * self.reach), 0, 1)[..., None]
        return 1 - (1 - np.asarray(to_rgb(colour) if isinstance(colour, str) else colour)) * (1 - strength * far)


def _turn(axis: int, degrees: float) -> NDArray:
    """Rotation about the viewer's x (0) or y (1) axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]] if axis == 0 else [[c, 0, s], [0, 1, 0], [-s, 0, c]])
