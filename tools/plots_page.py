"""Write the page that DVC puts its charts into, with Vega's own scripts, so that the charts need no network.

    python -m tools.plots_page

DVC's own page loads Vega from the web. `plots.html_template` in .dvc/config names this page instead. Run the command
again to take the Vega of a newer vl-convert.
"""

import argparse
from pathlib import Path

import vl_convert

PAGE = Path(".dvc/plots_page.html")
# DVC replaces {plot_divs}. It would replace {scripts} by the addresses of Vega on the web.
# Source: https://dvc.org/doc/user-guide/project-structure/configuration#plots
TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>DVC Plot</title>
<style>table { border-spacing: 15px; }</style>
<script>
SCRIPT
</script>
</head>
<body>
{plot_divs}
</body>
</html>
"""


def main() -> None:
    """Write the page in the current folder."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    PAGE.write_text(TEMPLATE.replace("SCRIPT", script), encoding="utf-8")
    print(f"{PAGE}: Vega {vl_convert.get_vega_version()}")


if __name__ == "__main__":
    main()
