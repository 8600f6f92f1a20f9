#!/usr/bin/env bash
# torchrun with a sidecar of its own on this node, where no service runs one: without root, in a job or by hand.
#
#   torchrun_with_sidecar.sh [TORCHRUN ARGUMENT...] train.py [ARGUMENT...]
#
# The sidecar starts before torchrun and ends after it, when it has read the last steps and journalled what was open. Signals
# reach torchrun; the exit code is torchrun's, also where the sidecar could not be started.
#
#   RUNVITALS_RUNS_DIR            rings (default: /run/runvitals where it may be written, else a folder of this job)
#   RUNVITALS_STATE_DIR           state and journal (default: runvitals-<job>/<host> where the job was started)
#   RUNVITALS_WEB_LISTEN_ADDRESS  where Prometheus scrapes (default: 127.0.0.1:9877, for this node alone)
set -u

job=${SLURM_JOB_ID:-$$}
shared=/run/runvitals
if [ -z "${RUNVITALS_RUNS_DIR:-}" ] && [ ! -w "$shared" ]; then
    RUNVITALS_RUNS_DIR=${TMPDIR:-/tmp}/runvitals-$(id -u)-$job
fi
export RUNVITALS_RUNS_DIR=${RUNVITALS_RUNS_DIR:-$shared}
export RUNVITALS_STATE_DIR=${RUNVITALS_STATE_DIR:-$PWD/runvitals-$job/$(hostname -s)}
export RUNVITALS_WEB_LISTEN_ADDRESS=${RUNVITALS_WEB_LISTEN_ADDRESS:-127.0.0.1:9877}
mkdir -p "$RUNVITALS_RUNS_DIR" "$RUNVITALS_STATE_DIR"

# In a process group of their own each, so that Ctrl-C does not end the sidecar before the run.
set -m
runvitals serve 2>"$RUNVITALS_STATE_DIR/sidecar.log" &
sidecar=$!
torchrun "$@" &
training=$!
set +m

# Called by the traps alone.
# shellcheck disable=SC2317
forward() {
    interrupted=yes
    kill -s "$1" "$training" 2>/dev/null
}
for name in INT TERM USR1 USR2; do
    # shellcheck disable=SC2064 # the name is that of now
    trap "forward $name" "$name"
done

# A signal ends `wait` before the training ends.
interrupted=yes
while [ -n "$interrupted" ]; do
    interrupted=
    wait "$training"
    code=$?
done

if ! kill -s TERM "$sidecar" 2>/dev/null; then
    echo "runvitals: the sidecar had ended before the run; see $RUNVITALS_STATE_DIR/sidecar.log" >&2
fi
wait "$sidecar"
exit "$code"
