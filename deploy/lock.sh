#!/usr/bin/env bash
# Writes deploy/requirements.lock and deploy/build-requirements.lock anew from pyproject.toml: what goes into the image, and
# what builds our wheel for it, at the newest versions and with their hashes, for Python 3.11 and newer. Needs uv
# (pip install uv) and a package index.
#
#   lock.sh [UV ARGUMENT...]        for instance --index-url URL, or --upgrade-package numpy to move that one alone
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
export UV_CUSTOM_COMPILE_COMMAND="deploy/lock.sh"

compile() { # compile OUTPUT UV_ARGUMENT...
    local output=$1
    shift
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --output-file "$output" "$@"
}

[ $# -gt 0 ] || set -- --upgrade
compile deploy/requirements.lock pyproject.toml --extra auth "$@"
python3 -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' |
    compile deploy/build-requirements.lock - "$@"
