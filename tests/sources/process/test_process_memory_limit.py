"""The limit that a process will meet first is found in its cgroups, of either version, or is the machine's."""

import os

import psutil
import pytest

from runvitals.sources.process.memory_limit import MemoryUse, cgroup_uses, tightest_use

GIB = 1 << 30
PID = 7


class Kernel:
    """A /proc and a /sys/fs/cgroup on disk."""

    def __init__(self, folder):
        self.proc, self.cgroups = folder / "proc", folder / "cgroup"
        (self.proc / str(PID)).mkdir(parents=True)
        self.cgroups.mkdir()

    def member_of(self, *lines):
        (self.proc / str(PID) / "cgroup").write_text("".join(f"{line}\n" for line in lines))

    def write(self, folder, **files):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup.procs").write_text("")
        for name, content in files.items():
            (folder / name.replace("__", ".")).write_text(f"{content}\n")

    def group(self, path, limit, current, inactive=0, active=0, base=None):
        stat = f"anon 1\ninactive_file {inactive}\nactive_file {active}"
        self.write((base or self.cgroups) / path, memory__max=limit, memory__current=current, memory__stat=stat)

    def uses(self):
        return cgroup_uses(PID, str(self.proc), str(self.cgroups))


@pytest.fixture
def kernel(tmp_path):
    return Kernel(tmp_path)


def test_a_limit_is_what_memory_max_says_and_files_do_not_count(kernel):
    """Pages of files can be given back: 3 of 8 GiB are in use."""
    kernel.member_of("0::/pod/train")
    kernel.write(kernel.cgroups)
    kernel.group("pod", "max", 9 * GIB)
    kernel.group("pod/train", 8 * GIB, 6 * GIB, inactive=2 * GIB, active=GIB)
    assert kernel.uses() == [MemoryUse(8 * GIB, 3 * GIB)]


def test_the_limits_of_all_cgroups_above_count(kernel):
    """A pod's limit binds its containers."""
    kernel.member_of("0::/pod/train")
    kernel.group("pod", 4 * GIB, 3 * GIB)
    kernel.group("pod/train", 8 * GIB, 2 * GIB)
    assert kernel.uses() == [MemoryUse(8 * GIB, 2 * GIB), MemoryUse(4 * GIB, 3 * GIB)]


def test_in_a_container_the_topmost_cgroup_is_its_own(kernel):
    """With a namespace of cgroups the path is / and the limit stands there."""
    kernel.member_of("0::/")
    kernel.group("", 2 * GIB, GIB)
    assert kernel.uses() == [MemoryUse(2 * GIB, GIB)]


def test_the_limit_of_another_container_is_read_through_its_own_eyes(kernel):
    """From a sidecar the cgroup of another container lies outside; its root folder shows it."""
    kernel.member_of("0::/../train.scope")
    kernel.group("", GIB, GIB)
    kernel.group("", 2 * GIB, GIB, base=kernel.proc / str(PID) / f"root{kernel.cgroups}")
    assert kernel.uses() == [MemoryUse(2 * GIB, GIB)]


def test_a_cgroup_that_is_out_of_view_is_no_absence_of_a_limit(kernel):
    """What cannot be read is not known, and is not the machine's memory."""
    kernel.member_of("0::/../train.scope")
    with pytest.raises(OSError, match="out of view"):
        kernel.uses()


def test_the_first_version_of_cgroups_is_read_too(kernel):
    """Its limit is a number near 2^63 where there is none."""
    kernel.member_of("5:cpu:/x", "4:memory:/docker/abc", "0::/y")
    stat = f"total_inactive_file {GIB}\ntotal_active_file 0"
    files = {"memory__usage_in_bytes": 2 * GIB, "memory__stat": stat}
    kernel.write(kernel.cgroups / "memory", memory__limit_in_bytes=9223372036854771712, **files)
    kernel.write(kernel.cgroups / "memory/docker/abc", memory__limit_in_bytes=4 * GIB, **files)
    assert kernel.uses() == [MemoryUse(4 * GIB, GIB)]


def test_without_a_limit_the_machine_is_the_limit(kernel):
    """A process without a limited cgroup, or a kernel without cgroups, has what the machine has."""
    assert kernel.uses() == []
    assert tightest_use(PID, str(kernel.proc), str(kernel.cgroups)).limit == psutil.virtual_memory().total


def test_a_process_that_has_ended_has_no_limit(kernel):
    """It is not taken for one that may use the whole machine."""
    with pytest.raises(FileNotFoundError):
        tightest_use(PID + 1, str(kernel.proc), str(kernel.cgroups))


def test_the_limit_that_is_met_first_counts(kernel):
    """Of the machine and the cgroups that of which the largest share is in use."""
    kernel.member_of("0::/train")
    kernel.group("train", 1000, 999)
    assert tightest_use(PID, str(kernel.proc), str(kernel.cgroups)) == MemoryUse(1000, 999)


def test_this_process_has_a_limit_that_is_not_yet_reached():
    """On a real kernel."""
    use = tightest_use(os.getpid())
    assert 0 < use.used < use.limit <= psutil.virtual_memory().total
