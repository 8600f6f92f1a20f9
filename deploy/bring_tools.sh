#!/usr/bin/env bash
# Brings prometheus, promtool, alertmanager and amtool into <repository>/.tools/bin (or FOLDER/bin): links to those on the
# PATH where they are new enough, else those of the distribution's packages, downloaded and unpacked but not installed.
#
#   bring_tools.sh [FOLDER]
#
# exit codes: 0 all four are there; 2 wrong usage; 3 they cannot be had on this machine (the reason is on stderr)
set -euo pipefail

readonly prometheus_at_least=2.42.0 alertmanager_at_least=0.25.0

if [ $# -gt 1 ]; then
    echo "usage: $0 [FOLDER]" >&2
    exit 2
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=${1:-$(dirname "$here")/.tools}
mkdir -p "$tools/bin"
tools=$(cd "$tools" && pwd)

# Our own links are not what the machine brings.
PATH=$(printf '%s' "$PATH" | tr ':' '\n' | grep -vxF "$tools/bin" | paste -sd: -)

version_of() { "$1" --version 2>&1 | sed -n 's/.*version \([0-9][0-9.]*\).*/\1/p' | head -n 1; }

at_least() { # at_least VERSION MINIMUM
    [ -n "$1" ] && [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

find_on_path() { # find_on_path MINIMUM NAME...: prints the first that runs and is new enough
    local minimum=$1 name path
    shift
    for name in "$@"; do
        if path=$(command -v "$name") && at_least "$(version_of "$path")" "$minimum"; then
            printf '%s\n' "$path"
            return
        fi
    done
    return 1
}

stands() { # stands NAME MINIMUM: is it in our folder, does it run, is it new enough?
    [ -x "$tools/bin/$1" ] && at_least "$(version_of "$tools/bin/$1")" "$2"
}

link_from_path() { # link_from_path MINIMUM TOOL [OTHER NAME]
    local minimum=$1 path
    shift
    path=$(find_on_path "$minimum" "$@") && ln -sfn "$path" "$tools/bin/$1"
}

# Debian's servers read templates and web pages from /usr/share/prometheus, which is not there where nothing is installed, and
# no option says where else. In our copy that path becomes one of the same length that leads, by an open descriptor, to the
# unpacked files.
relocate() { # relocate TOOL NAME_IN_PACKAGE
    local binary=$tools/packages/usr/bin/$2
    LC_ALL=C sed -i 's#/usr/share/prometheus#/proc/self/fd/9/././.#g' "$binary" || return
    rm -f "$tools/bin/$1"
    cat >"$tools/bin/$1" <<WRAPPER
#!/bin/sh
here=\$(dirname "\$(readlink -f "\$0")")/..
exec 9<"\$here/packages/usr/share/prometheus"
exec "\$here/packages/usr/bin/$2" "\$@"
WRAPPER
    chmod +x "$tools/bin/$1"
}

new_enough() { # new_enough TOOL MINIMUM: says so where it is not
    if ! stands "$1" "$2"; then
        echo "the distribution's $1 is version $(version_of "$tools/bin/$1" || true); at least $2 is needed" >&2
        rm -f "$tools/bin/$1"
        return 1
    fi
}

unpack() { # unpack PACKAGE MINIMUM SERVER CLIENT SERVER_IN_PACKAGE
    echo "unpacking $1 of the distribution into $tools"
    # Its web pages need scripts and fonts of other packages; newer releases pack the client apart too.
    "$here/unpack_package.sh" --with '^(promtool|amtool|libjs-.*|fonts-.*)$' "$tools/packages" "$1" || return
    rm -rf "$tools/packages/usr/share/javascript/moment-timezone/data" # 200 MB of old time zones that no page reads
    relocate "$3" "$5" || return
    ln -sfn "../packages/usr/bin/$4" "$tools/bin/$4"
    new_enough "$3" "$2" && new_enough "$4" "$2"
}

bring() { # bring PACKAGE MINIMUM SERVER CLIENT [SERVER_IN_PACKAGE]
    local package=$1 minimum=$2 server=$3 client=$4 packaged=${5:-$3}
    if stands "$server" "$minimum" && stands "$client" "$minimum"; then
        return
    fi
    rm -f "$tools/bin/$server" "$tools/bin/$client"
    if link_from_path "$minimum" "$server" "$packaged" && link_from_path "$minimum" "$client"; then
        return
    fi
    rm -f "$tools/bin/$server" "$tools/bin/$client"
    unpack "$package" "$minimum" "$server" "$client" "$packaged"
}

# Two at once would unpack over each other.
exec 9>"$tools/.lock"
if command -v flock >/dev/null; then flock 9; fi

if ! bring prometheus "$prometheus_at_least" prometheus promtool ||
    ! bring prometheus-alertmanager "$alertmanager_at_least" alertmanager amtool prometheus-alertmanager; then
    echo "Prometheus and Alertmanager are not on this machine and could not be brought." >&2
    echo "Remedy: put prometheus >= $prometheus_at_least, promtool, alertmanager >= $alertmanager_at_least and amtool on the PATH." >&2
    exit 3
fi
