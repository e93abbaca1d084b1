"""A log of how long stages took. It is no output: seconds differ from run to run."""

import contextlib
import csv
from pathlib import Path

LOG = Path("logs/seconds.csv")


def log_seconds(stage: str, seconds: float) -> None:
    """Add a line to the log.

    Args:
        stage: name of the stage.
        seconds: that its work took, 0 or more.
    """
    with contextlib.suppress(OSError):  # a stage that has succeeded does not fail because of its log
        LOG.parent.mkdir(exist_ok=True)
        with LOG.open("a", encoding="utf-8", newline="") as file:  # one short write, which no parallel stage can split
            csv.writer(file).writerow([stage, f"{seconds:.1f}"])


def read_seconds() -> dict[str, float]:
    """Read how long each stage took when it last ran.

    Returns:
        Seconds by stage. Stages that have not run here are left out, and so are lines that are not of the log.
    """
    if not LOG.exists():
        return {}
    with LOG.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if len(row) == 2]
    return {stage: float(seconds) for stage, seconds in rows if seconds.replace(".", "", 1).isdecimal()}
