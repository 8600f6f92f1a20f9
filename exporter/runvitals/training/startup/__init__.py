"""What `runvitals run` puts before a script: this folder comes first on its PYTHONPATH.

Python imports `sitecustomize` from it when it starts. Nothing heavy comes with that: PyTorch is waited
for, not imported.
"""

RUN = "RUNVITALS_RUN"
"""The environment variable that names the run to attach to."""
FIRST_PROCESS = "RUNVITALS_RUN_PID"
"""The process that `runvitals run` became; absent where that is a launcher of others."""
ATTACHED = "RUNVITALS_RUN_ATTACHED"
"""Set in a process that records the run, so that those it starts do not."""
