"""A server as a user runs it, in a process of its own that has neither torch nor anything else it must not need."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

BARRED = ("torch", "sklearn", "matplotlib", "pyarrow", "pandas", "jinja2", "onnx", "jaxtyping")
_PROGRAM = f"""
import sys
class Barred:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {BARRED!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Barred())
from twinnet.cli.main import main
main()
"""


class Served:
    """`with Served(model, "--gallery", folder) as served: served.http.get(…)`; `log` holds what it wrote to stderr."""

    def __init__(self, model: Path, *options: object, log: Path, scheme: str = "http", **client: Any) -> None:
        self.log = log
        words = ["serve", str(model), "--port", "0", "--json", "--threads", "1", *map(str, options)]
        with log.open("ab") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-c", _PROGRAM, *words], stdout=subprocess.PIPE, stderr=err
            )
        assert self.process.stdout is not None
        said = b""
        while not said.rstrip().endswith(b"}"):
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"it did not start: {log.read_text()}")
            said += line
        self.address = json.loads(said)["address"]
        self.http = httpx.Client(base_url=self.address, timeout=60, **client)

    @property
    def port(self) -> int:
        return int(self.address.rsplit(":", 1)[1])

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

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
