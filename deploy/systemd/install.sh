#!/usr/bin/env bash
# Installs the sidecar as a service of this machine: an environment in /opt/runvitals, the unit, its user and the folder of
# the runs. A second run brings all of it up to date, and leaves /etc/runvitals alone. Needs root, systemd and python3 >= 3.10.
#
#   install.sh                      from a checkout
#   DESTDIR=FOLDER install.sh       into a folder, for a package or an image: no user is made and nothing is started
#
# exit codes: 0 installed; 1 it could not be
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$(dirname "$here")")
to=${DESTDIR:-}

if [ -z "$to" ] && [ "$(id -u)" -ne 0 ]; then
    echo "This installs a service: it needs root, or DESTDIR=FOLDER." >&2
    exit 1
fi

place() { # place MODE FILE TARGET
    install -D -m "$1" "$here/$2" "$to$3"
}

if [ -z "$to" ]; then
    "$root/deploy/environment.sh" /opt/runvitals auth
fi
place 0644 runvitals.service /etc/systemd/system/runvitals.service
place 0644 sysusers.conf /usr/lib/sysusers.d/runvitals.conf
place 0644 tmpfiles.conf /usr/lib/tmpfiles.d/runvitals.conf
[ -e "$to/etc/runvitals/runvitals.env" ] || place 0640 runvitals.env /etc/runvitals/runvitals.env

if [ -z "$to" ]; then
    systemd-sysusers runvitals.conf
    systemd-tmpfiles --create runvitals.conf
    systemctl daemon-reload
    systemctl enable --now runvitals.service
    systemctl --no-pager --lines 0 status runvitals.service
fi
