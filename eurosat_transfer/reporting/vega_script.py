"""Vega's own scripts, which draw the charts of the pages without a network."""

from pathlib import Path

import vl_convert

from eurosat_transfer.io.atomic import atomic_write

VEGA_SCRIPT = Path("data/vega.js")


def write_vega_script() -> None:
    """Write Vega, Vega-Lite and Vega-Embed as one script that defines vegaEmbed.

    Source: https://github.com/vega/vega-embed
    """
    with atomic_write(VEGA_SCRIPT) as part:
        part.write_text(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"), encoding="utf-8")
