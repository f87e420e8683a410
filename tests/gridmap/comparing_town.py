"""Drafts of the tiny town for the tests of comparing: one border, one grid, one merger each, on round numbers.

+-------+-------+-------+
|  0,0  |  0,1  |  0,2  |      `pulled`:  the eastern half of 0,0 with its building 2 goes to 0,1
+-------+-------+-------+      `carved`:  the same half becomes a dedicated grid of its own
|  1,0  |  1,1  |  1,2  |      `merged`:  1,1 is closed, its ground and buildings go to 1,2
+-------+-------+-------+
"""

from boundaries.models import Grid, GridKind, Plan
from tests.factories import Town
from tests.gridmap.publishing_town import draft, merge, move_border, split


def pulled(town: Town, name: str = "Pulled") -> Plan:
    """Community 0: the border between its first two grids lies half a cell farther west."""
    plan = draft(town, 0, name=name)
    move_border(town, plan, row=0, at=0.5)
    return plan


def carved(town: Town, name: str = "Carved") -> tuple[Plan, Grid]:
    """Community 0: the eastern half of its first grid is a new one."""
    plan = draft(town, 0, name=name)
    return plan, split(town, plan, 0, 0, kind=GridKind.DEDICATED)


def merged(town: Town, name: str = "Merged") -> Plan:
    """Community 1: its middle grid has gone into the eastern one."""
    plan = draft(town, 1, name=name)
    merge(town, plan, 1, 1, into=2)
    return plan
