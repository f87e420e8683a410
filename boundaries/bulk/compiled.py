"""The one door to Numba: compile without the interpreter lock, and keep the machine code between runs."""

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])

_PLAIN: Final[dict[str, Any]] = {"nogil": True, "error_model": "numpy"}
# Without Numba's run-time (its reference counts) a function may not allocate. The counts are atomic and stand at
# each look at a field of a tuple of arrays: with them a point at a border takes 0.7 us instead of 0.1.
_INNER: Final[dict[str, Any]] = {**_PLAIN, "forceinline": True, "_nrt": False}


def compiled(function: F) -> F:
    """Compile `function` at its first call.

    The code releases the interpreter lock, so plain threads use every core; Numba's own parallel loops are
    avoided because their default threading layer aborts the process when two web threads enter at once.
    No fast-math: the exact predicates depend on every rounding.

    Machine code is kept beside the source, else in the user's cache (`NUMBA_CACHE_DIR` names another
    place). Where no such place can be written, it is compiled anew in each process.
    """
    return _compiled(function, _PLAIN)


def inner(function: F) -> F:
    """Compile `function` into its callers; it allocates nothing."""
    return _compiled(function, _INNER)


def _compiled(function: F, options: dict[str, Any]) -> F:
    try:
        return cast(F, njit(cache=True, **options)(function))
    except RuntimeError:  # "no locator available": nowhere to write
        return cast(F, njit(**options)(function))
