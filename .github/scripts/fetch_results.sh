#!/usr/bin/env bash
# Fetches the stored results of the working tree and of a base branch, so that DVC can compare their metrics.
# Usage: fetch_results.sh origin/main
set -euo pipefail

# Results that the pull request does not store are computed by `dvc repro`.
dvc pull --allow-missing

# The base branch stores its results in its own bundle/, which may differ from the one of the pull request.
base=$(mktemp -d)
git worktree add --detach "$base" "$1"
dvc --cd "$base" cache dir --local "$PWD/.dvc/cache"
dvc --cd "$base" fetch
git worktree remove --force "$base"
