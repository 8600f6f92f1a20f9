#!/usr/bin/env bash
# Shows the whole path on one machine: a real training explodes, the sidecar finds it, Prometheus alerts, and an e-mail and
# an SMS arrive at a local catcher. Needs python3 >= 3.10 and, the first time, the network; changes nothing outside this
# repository's .quickstart/ and .tools/, listens on 127.0.0.1 alone, and needs no root.
#
#   deploy/quickstart.sh [--once] [--no-demo] [--no-alerting]
#
#   --once         end by itself after the story instead of staying up until Ctrl-C
#   --no-demo      start no training: watch runs of your own
#   --no-alerting  the sidecar alone, without Prometheus and Alertmanager
#
# exit codes: 0 the e-mail, the SMS and the all-clear arrived (or, without --once, Ctrl-C ended it); 1 something failed; 2 wrong
# usage; 3 the sidecar ran alone; 4 a quickstart of this folder is running already; 5 a message did not arrive in time;
# 130 Ctrl-C with --once
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
alerting=yes
for argument in "$@"; do
    case $argument in
        --once | --no-demo) ;;
        --no-alerting) alerting=no ;;
        -h | --help)
            sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
            exit 0
            ;;
        *)
            echo "unknown argument: $argument (see $0 --help)" >&2
            exit 2
            ;;
    esac
done

"$root/deploy/environment.sh" "$root/.quickstart/venv" quickstart
if [ "$alerting" = yes ] && ! "$root/deploy/bring_tools.sh"; then
    echo "Going on with the sidecar alone: it finds what is wrong, but nobody is told by e-mail or SMS." >&2
    set -- "$@" --no-alerting
fi

cd "$root"
exec "$root/.quickstart/venv/bin/python" -m deploy.quickstart "$@"
