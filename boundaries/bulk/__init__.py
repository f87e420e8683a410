"""Locating many points at once in memory: the rule of `boundaries.locating`, compiled.

`build_index` takes the outlines that are in force at one time; `BulkIndex.locate` answers arrays of points,
`locate_file` whole files. Nothing here knows Django or a database.
"""

from boundaries.bulk.index import BulkIndex, Located, Match, PlanProblem, Reason, build_index

__all__ = [
    "BulkIndex",
    "Located",
    "Match",
    "PlanProblem",
    "Reason",
    "build_index",
]
