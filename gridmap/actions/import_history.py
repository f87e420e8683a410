"""The history of imports: one row for each file that was written, from the page as from the command line."""

from boundaries.actions.importing import Written
from boundaries.importing.report import Report
from gridmap.actions.audit import record
from gridmap.models import User


def import_recorder(*, subdistrict: str, file: str = "", source: str = "", by: User | None) -> Written:
    """Make what an import calls in its own transaction once its rows are written: without its row, nothing is saved.

    Parameters
    ----------
    subdistrict : str
        Code; the import of its first communities may have made it just now.
    file : str
        Name that the person knows the file by, where it was stored under another one.
    source : str
        Name under which references are remembered, where the rows have any.
    by : User or None
        None for the command line.
    """

    def write(report: Report) -> None:
        details = {"file": file or report.file, "subdistrict": subdistrict, **report.counts}
        if source:
            details["source"] = source
        if "plan" in report.measures:
            details["plan"] = report.measures["plan"]
        record(verb="import", noun=report.kind, object_id=subdistrict, details=details, by=by)

    return write
