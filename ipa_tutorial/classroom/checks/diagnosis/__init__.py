"""What is the matter with a wrong answer.

Where it is one of the named mistakes, :mod:`.named` gives it its name. Where it is none of them, :mod:`.unnamed` asks
for a sentence that leads to the mistake; the other files are the hypotheses that it tries, and :mod:`.evidence` is what
they may look at.
"""

from .named import name_the_mistake
from .unnamed import Hypothesis, diagnose

__all__ = ["Hypothesis", "diagnose", "name_the_mistake"]
