"""The one door to Numba: compile without the interpreter lock, and keep the machine code between runs."""

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile `function` at its first call.

    The code releases the interpreter lock, so plain threads use every core; Numba's own parallel loops are
    avoided because their default threading layer aborts the process when two web threads enter at once.
    No fast-math: the exact predicates depend on every rounding.

    Machine code is kept beside the source, else in the user's cache (`NUMBA_CACHE_DIR` names another
    place). Where no such place can be written, it is compiled anew in each process.
    """
    try:
        return cast(F, njit(cache=True, nogil=True, error_model="numpy")(function))
    except RuntimeError:  # "no locator available": nowhere to write
        return cast(F, njit(nogil=True, error_model="numpy")(function))
