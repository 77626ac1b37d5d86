"""What is written down: one JSON object a line, with a request's id and never its content."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, final

from twinnet.core.errors import ConfigError
from twinnet.server.problems import Problem

log = logging.getLogger("twinnet.server")
_PLAIN = set(logging.makeLogRecord({}).__dict__)


@final
class Lines(logging.Formatter):
    """A record as one line of JSON; what was given as `extra` becomes fields."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        fields = {k: v for k, v in record.__dict__.items() if k not in _PLAIN and k not in ("message", "color_message")}
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(), "message": record.getMessage(), **fields,
        }  # fmt: skip
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def set_up(level: int = logging.INFO) -> None:
    """All of the process's logs as lines on stderr; what the server's own library says of each request is left out."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    root = logging.getLogger()
    root.handlers, root.level = [handler], logging.WARNING
    for name in ("twinnet.server", "uvicorn.error"):
        logging.getLogger(name).setLevel(level)
    logging.getLogger("uvicorn.error").propagate = True
    logging.getLogger("uvicorn.access").disabled = True  # its lines hold whole paths, and a path holds a name


@final
class Audit:
    """Who enrolled and forgot whom, and when: a line before the deed and one after it, on disk when the call returns.

    Without a file the lines go to the log. Raises ConfigError where the file cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self.path, self._lock = path, threading.Lock()
        self._file = None
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            except OSError as error:
                raise ConfigError(f"{path}: the audit log cannot be written ({error.strerror or error}).") from error

    def write(self, event: str, stage: str, identity: str, **more: Any) -> None:
        """One line. Raises Problem where the disk is full: then nothing is done either."""
        line = {"time": round(time.time(), 3), "event": event, "stage": stage, "identity": identity, **more}
        if self._file is None:
            log.info("audit", extra={"audit": line})
            return
        try:
            with self._lock:
                os.write(self._file, (json.dumps(line, ensure_ascii=False) + "\n").encode())
                os.fsync(self._file)
        except OSError as error:
            log.warning("the audit log cannot be written", extra={"error": error.strerror})
            raise Problem("disk_full") from error

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
