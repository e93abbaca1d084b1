"""Write the scripts that draw the charts of the report.

They are the same for every run, and joining them takes seconds: so they have a stage of their own.

Writes  data/vega.js
"""

from eurosat_transfer.pipeline.stage import run_stage
from eurosat_transfer.reporting.vega_script import write_vega_script


def main() -> None:
    """Run the stage."""
    write_vega_script()


if __name__ == "__main__":
    run_stage(main, __doc__)
