"""The same numbers as :mod:`ipa_tutorial.attention`, in a fraction of the time and memory.

attention.py   ``FastInvariantPointAttention``: one long dot product, a streamed softmax
linear.py      a linear layer by oneDNN, where that is faster
tracing.py     where a fast form steps aside: export, trace, torch.func, meta tensors
benchmark.py   ``python -m ipa_tutorial.fast.benchmark``: time and memory beside other forms
"""

from .attention import FastInvariantPointAttention
from .linear import Linear, by_onednn

__all__ = [
    "FastInvariantPointAttention",
    "Linear",
    "by_onednn",
]
