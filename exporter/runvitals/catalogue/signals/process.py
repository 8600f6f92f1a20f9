"""What the operating system tells of a process."""

from __future__ import annotations

from runvitals.catalogue.signals.signal import Signal

CPU_UTILIZATION = Signal("cpu_utilization_ratio", "1", "CPU used by the process and its children, in cores")
MEMORY_RSS = Signal("memory_rss_bytes", "bytes", "resident memory of the process and its children")
MEMORY_USS = Signal("memory_uss_bytes", "bytes", "memory that only these processes use, where it may be read")
THREADS = Signal("threads", "1", "threads of the process and its children")
OPEN_FILE_DESCRIPTORS = Signal("open_file_descriptors", "1", "file descriptors the process and its children hold")
CHILD_PROCESSES = Signal("child_processes", "1", "children of the process, theirs included")
DISK_READ = Signal("disk_read_bytes_per_second", "bytes per second", "read from disk by the process and its children")
DISK_WRITE = Signal(
    "disk_write_bytes_per_second", "bytes per second", "written to disk by the process and its children"
)
NETWORK_RECEIVE = Signal(
    "network_receive_bytes_per_second", "bytes per second", "received in the process's network namespace"
)
NETWORK_TRANSMIT = Signal(
    "network_transmit_bytes_per_second", "bytes per second", "sent in the process's network namespace"
)
MEMORY_LIMIT = Signal(
    "memory_limit_bytes", "bytes", "memory that the process may use: its cgroup's limit, else the machine's"
)
MEMORY_UTILIZATION = Signal(
    "memory_utilization_ratio", "1", "share of the memory limit that is used, 0 to 1", bad_side="high"
)
