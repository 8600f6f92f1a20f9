#!/usr/bin/env bash
# Brings a browser without windows into <repository>/.tools/bin/chromium (or FOLDER/bin): a link to the one on the PATH, else
# the distribution's chromium-headless-shell with the libraries and one font, downloaded (about 130 MB) and unpacked (about
# 320 MB) but not installed.
#
#   bring_browser.sh [FOLDER]
#
# exit codes: 0 it is there and draws a page; 2 wrong usage; 3 it cannot be had on this machine (the reason is on stderr)
set -euo pipefail

if [ $# -gt 1 ]; then
    echo "usage: $0 [FOLDER]" >&2
    exit 2
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=${1:-$(dirname "$here")/.tools}
mkdir -p "$tools/bin"
tools=$(cd "$tools" && pwd)
browser=$tools/bin/chromium unpacked=$tools/browser

# Our own link is not what the machine brings.
PATH=$(printf '%s' "$PATH" | tr ':' '\n' | grep -vxF "$tools/bin" | paste -sd: -)

draws() { # draws BROWSER: does it run?
    local profile page
    profile=$(mktemp -d)
    page=$("$1" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$profile" --dump-dom \
        'data:text/html,<p>drawn</p>' 2>"$profile/log") || true
    [[ $page == *'<p>drawn</p>'* ]] || tail -n 3 "$profile/log" >&2
    rm -rf "$profile"
    [[ $page == *'<p>drawn</p>'* ]]
}

link_from_path() {
    local name path
    for name in chromium google-chrome chromium-browser; do
        if path=$(command -v "$name") && draws "$path"; then
            ln -sfn "$path" "$browser"
            return
        fi
    done
    return 1
}

unpack() {
    echo "unpacking a browser of the distribution into $unpacked"
    # Its libraries but the C library itself, which every machine has.
    "$here/unpack_package.sh" --with '^(chromium-common|fonts-dejavu-core|lib([^c]|c[^6]).*)$' "$unpacked" \
        chromium-headless-shell fonts-dejavu-core || return
    rm -rf "$unpacked"/usr/lib/chromium/{locales,libVkLayer_khronos_validation.so} "$unpacked"/usr/share/{doc,man,locale}
    printf '<fontconfig><dir>%s</dir><cachedir>%s</cachedir></fontconfig>\n' \
        "$unpacked/usr/share/fonts" "$unpacked/fonts-cache" >"$unpacked/fonts.conf"
    rm -f "$browser"
    cat >"$browser" <<'WRAPPER'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")/../browser
libraries=$(printf '%s:' "$here"/usr/lib/*-linux-gnu* "$here"/usr/lib/*-linux-gnu*/pulseaudio "$here"/lib/*-linux-gnu*)
LD_LIBRARY_PATH=$libraries FONTCONFIG_FILE=$here/fonts.conf exec "$here/usr/lib/chromium/chromium-headless-shell" "$@"
WRAPPER
    chmod +x "$browser"
    draws "$browser"
}

# Two at once would unpack over each other.
exec 9>"$tools/.browser-lock"
if command -v flock >/dev/null; then flock 9; fi

if [ -x "$browser" ] && draws "$browser"; then
    exit 0
fi
rm -f "$browser"
if ! link_from_path && ! unpack; then
    echo "A browser is not on this machine and could not be brought." >&2
    echo "Remedy: put chromium or google-chrome on the PATH." >&2
    exit 3
fi
