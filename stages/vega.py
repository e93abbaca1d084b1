"""Write the scripts that draw the charts of the report.

They change with the version of vl-convert only, and joining them takes seconds. So they have a stage of their own.

Reads   requirements.lock, to run again after an update
Writes  data/vega.js
"""

from eurosat_transfer.pipeline.stage import run_stage
from eurosat_transfer.reporting.vega_script import write_vega_script


def main() -> None:
    """Run the stage."""
    write_vega_script()


if __name__ == "__main__":
    run_stage(main, __doc__)
