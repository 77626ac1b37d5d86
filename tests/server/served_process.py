"""A server as a user runs it, in a process of its own that has neither torch nor anything else it must not need."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

BARRED = ("torch", "sklearn", "matplotlib", "pyarrow", "pandas", "jinja2", "onnx", "jaxtyping")
_PROGRAM = """
import os, sys
class Barred:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in %r:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Barred())
def told(event, said):
    opened = event == "open" and isinstance(said[0], (str, bytes, os.PathLike))
    if (opened and said[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) or event == "sqlite3.connect":
        out.write(os.fsdecode(said[0]).removeprefix("file:").partition("?")[0] + chr(10))
out = open(%r, "a", buffering=1)
sys.addaudithook(told)
from twinnet.cli.main import main
main()
"""


class Served:
    """`with Served(model, "--gallery", folder) as served: served.http.get(…)`; `log` holds what it wrote to stderr."""

    def __init__(self, model: Path, *options: object, log: Path, barred: Sequence[str] = BARRED) -> None:
        self.log = log
        words = ["serve", str(model), "--port", "0", "--json", "--threads", "1", *map(str, options)]
        with log.open("ab") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-c", _PROGRAM % (tuple(barred), str(log) + ".wrote"), *words],
                stdout=subprocess.PIPE,
                stderr=err,
            )
        assert self.process.stdout is not None
        said = b""
        while not said.rstrip().endswith(b"}"):
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"it did not start: {log.read_text()}")
            said += line
        self.address = json.loads(said)["address"]
        self.http = httpx.Client(base_url=self.address, timeout=60)

    @property
    def port(self) -> int:
        return int(self.address.rsplit(":", 1)[1])

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def written(self) -> list[Path]:
        """Every file that Python opened to write."""
        return [Path(line) for line in self.log.with_name(self.log.name + ".wrote").read_text().splitlines()]

    def stop(self) -> int:
        """As an operator does; gives the exit code."""
        self.process.terminate()
        return self.process.wait(60)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Served:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.http.close()
        if self.process.poll() is None:
            self.kill()
        if self.process.stdout is not None:
            self.process.stdout.close()
