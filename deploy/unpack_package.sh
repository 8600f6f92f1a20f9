#!/usr/bin/env bash
# Downloads packages of the distribution and unpacks them into a folder. Nothing is installed, no service is started,
# nothing of the system is changed, and root is not needed.
#
#   unpack_package.sh [--with PATTERN] FOLDER PACKAGE...
#
#   --with PATTERN  also what these packages depend on, where its name matches this extended regular expression
#
# exit codes: 0 unpacked; 2 wrong usage; 3 there is no apt here, or no package could be had (the reason is on stderr)
set -euo pipefail

pattern='^$'
if [ "${1:-}" = --with ]; then
    pattern=${2:-}
    shift 2
fi
if [ $# -lt 2 ]; then
    echo "usage: $0 [--with PATTERN] FOLDER PACKAGE..." >&2
    exit 2
fi
folder=$1
shift

for program in apt-get dpkg-deb; do
    if ! command -v "$program" >/dev/null; then
        echo "$program is not on this machine" >&2
        exit 3
    fi
done

mkdir -p "$folder"
work=$(mktemp -d "$folder/.apt-XXXXXX")
trap 'rm -rf "$work"' EXIT
work=$(cd "$work" && pwd)
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/debs"

# Read after the system's own configuration: its sources, keys and proxy hold, its folders and its hooks do not.
cat >"$work/apt.conf" <<CONF
Dir::State::lists "$work/lists";
Dir::Cache "$work/cache";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "2";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
CONF

apt() { (cd "$work/debs" && apt-get -q "$@" </dev/null) >>"$work/log" 2>&1; }

# The system's package lists first: they cost nothing. Where they are absent or too old, lists of our own.
download() {
    if [ ! -e "$work/updated" ] && apt -o APT::Sandbox::User=root download "$@"; then
        return
    fi
    if [ ! -e "$work/updated" ]; then
        apt -c "$work/apt.conf" update || true # one source that does not answer need not be the one that matters
        touch "$work/updated"
    fi
    apt -c "$work/apt.conf" download "$@"
}

wanted_by() { # wanted_by FILE...: the names of the dependencies that match the pattern and are not here yet
    local file name
    for file in "$@"; do
        dpkg-deb -f "$file" Depends | tr ',' '\n' | sed 's/^ *//; s/[ |(:].*//' # the first alternative
    done | sort -u | { grep -E "$pattern" || true; } | while read -r name; do
        compgen -G "$work/debs/${name}_*.deb" >/dev/null || printf '%s\n' "$name"
    done
}

wanted=("$@")
while [ ${#wanted[@]} -gt 0 ]; do
    if ! download "${wanted[@]}"; then
        grep -E '^(E|Err|W):?' "$work/log" | sort -u | tail -n 4 >&2 || true
        echo "apt could not download: ${wanted[*]}" >&2
        exit 3
    fi
    mapfile -t wanted < <(wanted_by "$work"/debs/*.deb)
done

for package in "$work"/debs/*.deb; do
    dpkg-deb -x "$package" "$folder"
done
