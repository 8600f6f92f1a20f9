#!/usr/bin/env bash
# Makes a virtual environment with runvitals in it, or brings one that stands up to date. Needs python3 >= 3.10 alone: where
# the distribution has split off pip (Debian without python3-venv), its pip is unpacked from its package, not installed.
#
#   environment.sh FOLDER [--editable] [EXTRA...]
#
# $PYTHON names the Python to use (default: python3). exit codes: 0 it stands; 2 wrong usage; 1 it cannot be made (the
# reason and the remedy are on stderr)
set -euo pipefail

if [ $# -lt 1 ]; then
    echo "usage: $0 FOLDER [--editable] [EXTRA...]" >&2
    exit 2
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
environment=$1
shift
editable=
if [ "${1:-}" = --editable ]; then
    editable=--editable
    shift
fi
extras=$(IFS=,; echo "$*")
python=${PYTHON:-python3}

fail() {
    echo "$1" >&2
    echo "Remedy: $2" >&2
    exit 1
}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; }

logged() { # logged WHAT COMMAND...: keeps its output to itself unless it fails
    local what=$1
    shift
    if ! "$@" >"$log" 2>&1 </dev/null; then
        echo "$what failed; the end of $log:" >&2
        tail -n 8 "$log" | cut -c 1-200 | sed 's/^/    /' >&2
        return 1
    fi
}

# What the installation depends on: of an editable one its dependencies alone, of a copy also all that is copied.
fingerprint() {
    cd "$root"
    {
        echo "$root $environment $editable [$extras] $("$environment/bin/python" -VV)"
        cat pyproject.toml
        if [ -z "$editable" ]; then
            find exporter prometheus alertmanager README.md LICENSE -type f -not -name '*.pyc' -print0 |
                LC_ALL=C sort -z | xargs -0 sha256sum
        fi
    } | sha256sum
}

make_environment() {
    echo "making a Python environment in $environment"
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        logged "python -m venv" "$python" -m venv --clear "$environment" && return
        fail "The environment could not be made." "look at $log"
    fi
    logged "python -m venv" "$python" -m venv --clear --without-pip "$environment" ||
        fail "The environment could not be made." "look at $log"
    add_pip_of_the_distribution
}

add_pip_of_the_distribution() {
    local unpacked=$environment/distribution wheel
    logged "unpacking the distribution's pip" "$here/unpack_package.sh" "$unpacked" python3-pip-whl ||
        fail "$python comes without pip, and the distribution's pip could not be had." \
            "install python3-venv, or set PYTHON to a Python >= 3.10 that brings ensurepip."
    wheel=$(find "$unpacked/usr/share/python-wheels" -name 'pip-*.whl' | head -n 1)
    logged "installing pip" "$environment/bin/python" "$wheel/pip" install --no-index --disable-pip-version-check "$wheel" ||
        fail "pip could not be installed." "look at $log"
    rm -rf "$unpacked"
}

# A bare system has no certificates of its own; those of the distribution's package serve as well.
find_certificates() {
    local unpacked=$environment/certificates
    if [ -e /etc/ssl/certs/ca-certificates.crt ] || [ -n "${PIP_CERT:-}${SSL_CERT_FILE:-}" ] || [ ! -e /etc/debian_version ]; then
        return
    fi
    if [ ! -s "$unpacked/bundle.pem" ]; then
        logged "unpacking the distribution's certificates" "$here/unpack_package.sh" "$unpacked" ca-certificates || return 0
        find "$unpacked/usr/share/ca-certificates" -name '*.crt' -exec cat {} + >"$unpacked/bundle.pem"
    fi
    export PIP_CERT=$unpacked/bundle.pem
}

# PyTorch's wheels for Linux on PyPI bring gigabytes of CUDA with them; the tests train on the CPU. Installed first, the CPU's
# build is the one that pip then finds there.
bring_pytorch_of_the_cpu() {
    local version
    version=$(sed -n 's/^ *"torch==\([0-9.]*\)".*/\1/p' "$root/pyproject.toml")+cpu
    logged "installing PyTorch $version" "$environment/bin/python" -m pip install --disable-pip-version-check --no-input \
        --quiet --no-deps --retries 1 --extra-index-url https://download.pytorch.org/whl/cpu "torch==$version" ||
        fail "The CPU's build of PyTorch could not be installed, and the one with CUDA is not fetched instead." \
            "name an index or a folder that has torch==$version in \$PIP_EXTRA_INDEX_URL or \$PIP_FIND_LINKS."
}

install() {
    if [[ " ${extras//,/ } " == *" frameworks "* && $(uname -s) == Linux ]]; then bring_pytorch_of_the_cpu; fi
    echo "installing runvitals${extras:+ with [$extras]} (a minute or two the first time)"
    logged "pip install" "$environment/bin/python" -m pip install --disable-pip-version-check --no-input --quiet \
        $editable "$root${extras:+[$extras]}" ||
        fail "The packages could not be installed." "check that a package index is in reach; pip reads its own configuration and \$PIP_INDEX_URL."
}

mkdir -p "$(dirname "$environment")"
environment=$(cd "$(dirname "$environment")" && pwd)/$(basename "$environment")
log=$environment.log
marker=$environment/.runvitals-installed
exec 9>"$environment.lock" # two at once would install over each other
if command -v flock >/dev/null; then flock 9; fi
if ! new_enough "$environment/bin/python" || ! "$environment/bin/python" -m pip --version >/dev/null 2>&1; then
    new_enough "$python" || fail "$python is not there or older than 3.10." "install python3 >= 3.10, or name it in \$PYTHON."
    make_environment
fi
if [ "$(cat "$marker" 2>/dev/null)" != "$(fingerprint)" ]; then
    rm -f "$marker"
    find_certificates
    install
    fingerprint >"$marker"
fi
rm -f "$log"
