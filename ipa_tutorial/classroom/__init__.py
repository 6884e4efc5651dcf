"""What teaches: checks that name a learner's mistake, the mistakes, by name, and an example for the pencil.

checks/   ``check_point_logits(point_logits)`` runs a learner's function and says what is wrong with it
bugs/     ``planted("mask-inverted")`` puts a mistake into the package, ``hunt(tests)`` tells whether tests notice
pencil     three residues whose numbers are fractions: ``pencil.s``, ``pencil.T``, … go in, ``pencil.out`` comes out
"""

from . import pencil
from .bugs import BUGS, Bug, Hunt, bugs_of, find_bug, hunt, planted
from .checks import *  # noqa: F403  (every check, by name)
from .checks import __all__ as _checks

__all__ = ["BUGS", "Bug", "Hunt", "bugs_of", "find_bug", "hunt", "pencil", "planted", *_checks]
