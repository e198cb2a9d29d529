#!/bin/sh
# All tests, in two halves at once: the machine has two cores at least, and one run uses one. The
# words of the second half come when both are over.
set -u
python=$1
cd "$(dirname "$0")/.."
second=$(mktemp)
trap 'rm -f "$second"' EXIT
"$python" -m pytest -q tests/simulation tests/demo tests/soak tests/fuzz tests/benchmarks \
    >"$second" 2>&1 &
half=$!
trap 'kill "$half" 2>/dev/null; rm -f "$second"' INT TERM
status=0
"$python" -m pytest -q tests --ignore=tests/simulation --ignore=tests/demo --ignore=tests/soak \
    --ignore=tests/fuzz --ignore=tests/benchmarks || status=$?
wait "$half" || status=$?
cat "$second"
exit "$status"
