#!/usr/bin/env bash
# Installs what the tests need into this repository's .venv and .tools, checks the code and runs the tests. Needs python3
# >= 3.10 and, the first time, the network; nothing of the system is changed and no service is started.
#
#   tests/run.sh [--all] [PYTEST ARGUMENT...]
#
#   --all  the slow tests too: those that start real servers, and those of the frameworks
#
# exit codes: 0 everything passed; 1 something did not (the last lines name it)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
chosen=(-m "not slow")
extras=(test lint)
if [ "${1:-}" = --all ]; then
    chosen=()
    extras+=(frameworks kubernetes)
    shift
fi

deploy/environment.sh .venv --editable "${extras[@]}"
# Without Prometheus and Alertmanager the tests that need them fail, and say so: a skipped test proves nothing.
deploy/bring_tools.sh || echo "Going on; the tests that need them will fail." >&2
if [ ${#chosen[@]} -eq 0 ]; then
    # Large, and nothing but a picture depends on it: without a browser its tests are skipped, and say so.
    deploy/bring_browser.sh || echo "Going on; the tests in a browser will be skipped." >&2
fi
export PATH="$root/.venv/bin:$root/.tools/bin:$PATH" RUNVITALS_REQUIRE_PROGRAMS=1

failed=()
check() {
    echo "== $*"
    "$@" </dev/null || failed+=("$1${2:+ $2}")
}

check ruff check --quiet
check ruff format --check --quiet
check mypy -p runvitals -p deploy -p hazard -p prometheus.build -p grafana.build
check lint-imports
check python -m pytest ${chosen[@]+"${chosen[@]}"} "$@"

if [ ${#failed[@]} -gt 0 ]; then
    printf 'FAILED: %s\n' "${failed[@]}"
    exit 1
fi
echo "everything passed"
