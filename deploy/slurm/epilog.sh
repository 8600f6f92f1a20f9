#!/usr/bin/env bash
# Epilog of SLURM (slurm.conf: Epilog=/etc/slurm/epilog.d/*): after a job, as root on each of its nodes. Moves the rings of
# its user to where they can be read when the node is gone: $RUNVITALS_ARCHIVE/JOB/HOST/ (`runvitals replay` reads them).
# Without $RUNVITALS_ARCHIVE, a folder on a shared file system with mode 1777, they stay, 64 MiB of each user at most.
#
# Nothing is moved while the user has another process on the node. Files are touched as the user, never as root: who can
# write the folder could put links into it. Ends with 0 whatever happens: SLURM drains a node whose epilog fails.
set -u

readonly seconds_to_read=${RUNVITALS_READ_SECONDS:-5} # in which the sidecar takes in what was written last
readonly runs=${RUNVITALS_RUNS_DIR:-/run/runvitals}

tell() { logger --tag runvitals-epilog -- "job ${SLURM_JOB_ID:-unknown}: $1" || true; }

as_user() { setpriv --reuid="$SLURM_JOB_UID" --regid="$SLURM_JOB_GID" --clear-groups -- "$@"; }

if [ -z "${RUNVITALS_ARCHIVE:-}" ] || [ -z "${SLURM_JOB_UID:-}" ] || [ -z "${SLURM_JOB_GID:-}" ]; then
    exit 0
fi
if pgrep --uid "$SLURM_JOB_UID" >/dev/null; then
    exit 0
fi
mapfile -d '' -t rings < <(find "$runs" -maxdepth 1 -type f -user "$SLURM_JOB_UID" -name '*.ring' -print0)
if [ ${#rings[@]} -eq 0 ]; then
    exit 0
fi
sleep "$seconds_to_read"
target=$RUNVITALS_ARCHIVE/${SLURM_JOB_ID:-unknown}/$(hostname -s)
if ! { as_user mkdir -p -- "$target" && as_user mv -t "$target" -- "${rings[@]}"; }; then
    tell "the rings could not be moved to $target"
fi
exit 0
