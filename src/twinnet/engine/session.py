"""ONNX Runtime on the CPU, and the card inside a file that `export` wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twinnet.core.errors import MissingExtra, ModelFileError

CARD = "twinnet"
"""The key of the card in the file's metadata."""
FORMAT = 1


def opened(content: str | Path | bytes, name: str, threads: int) -> tuple[Any, dict[str, Any]]:
    """A session and its card; `threads` of 0 takes all cores. Raises ModelFileError for what `export` did not write."""
    try:
        import onnxruntime as ort
    except ImportError as error:
        raise MissingExtra("an exported model needs onnxruntime. Next: pip install 'twinnet[serve]'.") from error
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Threads that spin while they wait take the processor from whoever reads requests, and a plan of memory for every
    # size of batch is memory that is never given back.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_mem_pattern = False
    source = content if isinstance(content, bytes) else str(content)
    try:
        session = ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        card: dict[str, Any] = json.loads(session.get_modelmeta().custom_metadata_map[CARD])
        if card["format"] != FORMAT:
            raise ModelFileError(f"{name}: written in format {card['format']!r}, and this program reads {FORMAT}.")
    except ModelFileError:
        raise
    except Exception as error:  # ONNX Runtime's own errors share no base class
        raise ModelFileError(f"{name}: this is no exported model. Next: twinnet export MODEL -o FILE.onnx.") from error
    return session, card
