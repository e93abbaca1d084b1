#!/usr/bin/env bash
# Prints the metrics that differ from a base branch and the report, as Markdown.
# Usage: write_comment.sh origin/main
set -euo pipefail

table=$(dvc metrics diff --md "$1")
echo "## Metrics compared with \`$1\`"
echo
if [ "$(grep -c '^|' <<< "$table")" -gt 2 ]; then # DVC prints two lines of heading even if nothing differs.
    echo "$table"
else
    echo "No metric changed."
fi
echo
cat report/report.md
