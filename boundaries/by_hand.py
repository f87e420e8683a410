"""What it means that a building was given to a grid by hand, for every statement that asks."""


def set_by_hand(placement: str, at: str) -> str:
    """The condition in SQL that a placement was set by hand and holds at an instant.

    Not «until further notice»: where a plan that is scheduled for later ends the grid, the row ends then, and the
    building keeps its grid until that time all the same, in every plan that begins before.

    Parameters
    ----------
    placement : str
        Alias of ``boundaries_placement``.
    at : str
        Expression of type timestamptz: the time from which the plan shall hold, or now for a draft.
    """
    return f"{placement}.is_override AND {placement}.period @> {at}"
