"""The mistakes that people really make, each with a name.

Every one of them has been seen in code that people use, or is a slip that the algorithm invites; none of them raises an
error at once, and nearly all of them train. A bug is a wrong variant of **one** function of the package:

    from ipa_tutorial.classroom import BUGS, planted

    print(BUGS["mask-inverted"])
    with planted("mask-inverted"):
        attention(...)  # every module now runs the wrong line

    print(hunt([my_test, my_other_test]))  # which bugs do these tests find?

Where a package is named, it is for the reader who uses it: each is good work, and everybody writes such things.
The project's own tests find every bug in this list, except for those that mathematics makes harmless.
"""

from . import (  # noqa: F401  (they fill BUGS)
    frames,
    logits,
    losses,
    outputs,
    padding,
    scores,
    testing,
    torsions,
    updates,
)
from .hunt import Hunt, hunt
from .registry import BUGS, Bug, bugs_of, find_bug, planted

__all__ = ["BUGS", "Bug", "Hunt", "bugs_of", "find_bug", "hunt", "planted"]
