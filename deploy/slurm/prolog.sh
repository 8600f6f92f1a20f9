#!/usr/bin/env bash
# Prolog of SLURM (slurm.conf: Prolog=/etc/slurm/prolog.d/*): before a job, as root on each of its nodes. Sees to it that the
# sidecar of deploy/systemd runs there and that the folder of the rings is there. Rank, size and host need no help: the client
# reads them from srun's variables.
#
# Ends with 0 whatever happens: SLURM drains a node whose prolog fails, and no training is to wait for its observer.
set -u

tell() { logger --tag runvitals-prolog -- "job ${SLURM_JOB_ID:-unknown}: $1" || true; }

systemd-tmpfiles --create runvitals.conf || tell "the folder of the rings could not be made"
systemctl start --no-block runvitals.service || tell "the sidecar could not be started"
exit 0
