"""What PyTorch's functions are called: one plain name for all ways to write an operation."""

from __future__ import annotations

from typing import Any

_LOOKED_UP = """
    shape dtype device ndim is_nested requires_grad layout is_cuda grad_fn data grad size dim
    __len__ numel __bool__ item tolist __repr__ __format__ is_floating_point __hash__ __iter__
    stride is_contiguous clone contiguous detach __index__ __int__ __float__ __contains__
    requires_grad_ backward is_sparse names
"""
LOOKS = frozenset(_LOOKED_UP.split())  # what is no step


def op_name(func: Any) -> str:
    """Return the plain name of one of PyTorch's functions: "sub" for all that subtracts."""
    owner = getattr(func, "__self__", None)
    name = str(getattr(func, "__name__", func))
    if name == "__get__":  # a property, such as x.T
        return str(getattr(owner, "__name__", name))
    return _PLAIN.get(name, name)


_SIDES = "add sub mul matmul pow lt le gt ge eq ne neg"
_RIGHT_SIDES = "sub div pow"
_IN_PLACE = "add sub mul div matmul pow"
_PLAIN = {
    **{f"__{name}__": name for name in _SIDES.split()},
    **{f"__r{name}__": f"r{name}" for name in _RIGHT_SIDES.split()},
    **{f"__i{name}__": f"{name}_" for name in _IN_PLACE.split()},
    "__radd__": "add",
    "__rmul__": "mul",
    "__truediv__": "div",
    "true_divide": "div",
    "divide": "div",
    "__rtruediv__": "rdiv",
    "__itruediv__": "div_",
    "__and__": "bitwise_and",
    "__or__": "bitwise_or",
    "__invert__": "bitwise_not",
    "subtract": "sub",
    "multiply": "mul",
    "mm": "matmul",
    "bmm": "matmul",
    "less": "lt",
    "greater": "gt",
    "less_equal": "le",
    "greater_equal": "ge",
    "concat": "cat",
    "concatenate": "cat",
    "absolute": "abs",
}
