"""The servers whose metrics are known, one file each: adding one is adding a file of data."""

from __future__ import annotations

from runvitals.sources.prometheus.engines.dcgm import DCGM
from runvitals.sources.prometheus.engines.engine import Engine
from runvitals.sources.prometheus.engines.kserve import KSERVE
from runvitals.sources.prometheus.engines.llamacpp import LLAMACPP
from runvitals.sources.prometheus.engines.nim import NIM
from runvitals.sources.prometheus.engines.ray_serve import RAY_SERVE
from runvitals.sources.prometheus.engines.sglang import SGLANG
from runvitals.sources.prometheus.engines.tfserving import TFSERVING
from runvitals.sources.prometheus.engines.tgi import TGI
from runvitals.sources.prometheus.engines.torchserve import TORCHSERVE
from runvitals.sources.prometheus.engines.triton import TRITON
from runvitals.sources.prometheus.engines.trtllm import TRTLLM
from runvitals.sources.prometheus.engines.vllm import VLLM

ENGINES: tuple[Engine, ...] = (
    VLLM,
    SGLANG,
    TGI,
    TRTLLM,
    LLAMACPP,
    NIM,
    TRITON,
    TORCHSERVE,
    TFSERVING,
    RAY_SERVE,
    KSERVE,
    DCGM,
)
"""In this order: where two on one page tell the same of one model, the first is believed."""
