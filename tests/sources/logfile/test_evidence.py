"""Lines that are evidence become events; of them nothing is passed on but the sentence that was looked for."""

from collections import Counter

import pytest

from runvitals.sources.logfile.evidence import MAX_TEXT
from runvitals.sources.logfile.row import Clue
from runvitals.sources.logfile.text_log import TextLog

LINES = [
    (
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79 GiB",
        "out_of_memory",
        "CUDA out of memory. Tried to allocate 2.00 GiB",
    ),
    ("RuntimeError: HIP out of memory.", "out_of_memory", "HIP out of memory"),
    (
        "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 123456 bytes",
        "out_of_memory",
        "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 123456 bytes",
    ),
    (
        "[E ProcessGroupNCCL.cpp:475] [Rank 3] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=12, "
        "OpType=ALLREDUCE, NumelIn=1, Timeout(ms)=600000) ran for 600029 milliseconds before timing out.",
        "collective_timeout",
        "Watchdog caught collective operation timeout: WorkNCCL(SeqNum=12, OpType=ALLREDUCE",
    ),
    (
        "RuntimeError: [../gloo/transport/tcp/unbound_buffer.cc:81] Timed out waiting 1800000ms for recv"
        " operation to complete",
        "collective_timeout",
        "Timed out waiting 1800000ms for recv operation",
    ),
    (
        "[Sat Nov 21] NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
        "xid",
        "Xid (PCI:0000:3b:00): 79",
    ),
    ("Killed", "killed", "Killed"),
    ("Out of memory: Killed process 4711 (python) total-vm:1kB", "killed", "Out of memory: Killed process 4711"),
    ("slurmstepd: error: Detected 1 oom_kill event in StepId=1.batch", "killed", "oom_kill event"),
    ("  exitcode  : -9 (pid: 4711)", "killed", "exitcode : -9"),
    ("traceback : Signal 9 (SIGKILL) received by PID 4711", "killed", "Signal 9 (SIGKILL)"),
    (
        "slurmstepd: error: *** JOB 77 ON n1 CANCELLED AT 2024-05-01T12:00:00 DUE TO TIME LIMIT ***",
        "killed",
        "CANCELLED AT 2024-05-01T12:00:00 DUE TO TIME LIMIT",
    ),
    ("Gradient overflow.  Skipping step, loss scaler 0", "loss_scale_overflow", "Gradient overflow. Skipping step"),
]


def clues(text):
    """Return the evidence in a text log."""
    return [item for item in TextLog().read(text.encode(), Counter())[1] if isinstance(item, Clue)]


@pytest.mark.parametrize(("line", "kind", "text"), LINES)
def test_a_line_of_each_kind(line, kind, text):
    """The kind, and the sentence alone."""
    [clue] = clues(f"{line}\n")
    assert (clue.kind.value, clue.text) == (kind, text)


@pytest.mark.parametrize(
    "line",
    [
        "Using memory efficient attention",
        "NCCL timeout=1800 was set",
        "Killed by early stopping? no",
        "PYTORCH_CUDA_ALLOC_CONF avoids out of memory errors",
        "exitcode : 0",
        "no Traceback here",
        "catching SIGTERM",
    ],
)
def test_what_only_sounds_so_is_none(line):
    """Configs and explanations that share the words."""
    assert clues(f"{line}\n") == []


def test_xid_names_number_and_gpu():
    """As the GPU source does."""
    [clue] = clues("NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.\n")
    assert clue.fields == {"xid": "79", "gpu": "PCI:0000:3b:00"}


@pytest.mark.parametrize(
    ("line", "rank"),
    [
        ("[rank3]: CUDA out of memory", "3"),
        ("[default12]:CUDA out of memory", "12"),
        ("[1,7]<stderr>: CUDA out of memory", "7"),
        ("[E Process] [PG 0 Rank 5] Watchdog caught collective operation timeout", "5"),
        ("[deepspeed] OVERFLOW! Rank 2 Skipping step. Attempted loss scale: 65536, reducing to 32768", "2"),
        ("CUDA out of memory", ""),
    ],
)
def test_the_rank_of_evidence(line, rank):
    """From the launcher's prefix, else from the line."""
    assert clues(f"{line}\n")[0].rank == rank


def test_a_traceback_tells_the_type_of_its_exception_and_no_more():
    """Messages and paths may hold secrets. Tracebacks of two ranks that are mixed are told apart."""
    text = (
        "[rank0]: Traceback (most recent call last):\n"
        "[rank1]: Traceback (most recent call last):\n"
        '[rank0]:   File "/home/u/train.py", line 3, in <module>\n'
        "[rank1]:     loss.backward()\n"
        "[rank0]:     open(token)\n"
        "step: 5 loss: 2.5\n"
        "[rank1]: torch.distributed.DistBackendError: NCCL error, password=hunter2\n"
        "[rank0]: ValueError: token=abc\n"
        "ValueError: not one of a traceback\n"
    )
    found = clues(text)
    assert [(one.rank, one.text) for one in found] == [
        ("1", "a traceback that ends in DistBackendError"),
        ("0", "a traceback that ends in ValueError"),
    ]
    assert [one.fields for one in found] == [{"exception": "DistBackendError"}, {"exception": "ValueError"}]


def test_an_exception_that_is_evidence_itself_gives_both():
    """Out of memory, and the traceback that ends with it."""
    text = "Traceback (most recent call last):\n  x\ntorch.OutOfMemoryError: CUDA out of memory.\n"
    assert [one.kind.value for one in clues(text)] == ["out_of_memory", "traceback"]


def test_an_interrupt_is_no_fault():
    """Ctrl-C ends in a traceback too."""
    assert clues("Traceback (most recent call last):\n  x\nKeyboardInterrupt\n") == []


def test_texts_are_short_and_printable():
    """What an SMS carries, whatever the line holds."""
    [clue] = clues("Watchdog caught collective operation timeout: WorkNCCL(SeqNum=" + "1" * 500 + ", OpType=X\n")
    assert len(clue.text) <= MAX_TEXT
    assert clue.text.isprintable()


def test_open_tracebacks_are_bounded():
    """A log that begins thousands of them is followed all the same."""
    log = TextLog()
    text = "".join(f"[rank{rank}]: Traceback (most recent call last):\n" for rank in range(1000))
    log.read(text.encode(), Counter())
    assert len(log.tracebacks.open) == 64
    log.read(b"[rank0]:   line\n" * 6000, Counter())
    assert len(log.tracebacks.open) == 63
