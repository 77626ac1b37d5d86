"""The same model behind other servers, as their guides show it: for serving.py, which starts them.

    python benchmarks/serving_peers.py plain|plain-async|litserve[-1] MODEL.twin PORT

`plain` is FastAPI with one call of torch for each request, in its thread pool; `plain-async` the same on the event
loop; `litserve` collects requests for up to 5 ms into batches of at most 32 and calls torch on them. With `-1` torch
has one thread: where others use the machine too, two of torch's that wait for each other lose more than they win.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch
import uvicorn
from fastapi import FastAPI, UploadFile  # here, where FastAPI finds the names of its annotations

import twinnet
from twinnet.data.decode import decode

try:
    from litserve import LitAPI
except ImportError:
    LitAPI = object


def plain(path: str, port: int, *, threads: bool) -> None:
    model, app = twinnet.load(path), FastAPI()

    def in_a_thread(images: UploadFile) -> list[float]:
        return model.embed([images.file.read()])[0].tolist()  # type: ignore[no-any-return]

    async def on_the_loop(images: UploadFile) -> list[float]:
        return model.embed([await images.read()])[0].tolist()  # type: ignore[no-any-return]

    app.post("/v1/embed")(in_a_thread if threads else on_the_loop)
    uvicorn.run(app, port=port, log_level="error")


class Embed(LitAPI):  # type: ignore[misc]  (at the top, because it is sent to another process)
    """The steps that LitServe takes."""

    path, threads = "", 1

    def setup(self, device: str) -> None:
        torch.set_num_threads(self.threads)
        self.model = twinnet.load(self.path)

    def decode_request(self, request):  # type: ignore[no-untyped-def]  (FastAPI would take a type for a query)
        return self.model.preprocess.apply(decode(request["images"].file.read()))

    def batch(self, inputs: list[Any]) -> Any:
        return np.stack(inputs)

    def predict(self, images: Any) -> Any:
        return self.model.embed_images(images)

    def unbatch(self, output: Any) -> list[Any]:
        return list(output)

    def encode_response(self, output: Any) -> dict[str, Any]:
        return {"embedding": output.tolist()}


def litserve(path: str, port: int) -> None:
    from litserve import LitServer

    api = Embed(max_batch_size=32, batch_timeout=0.005, api_path="/v1/embed")
    api.path, api.threads = path, torch.get_num_threads()
    server = LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(port=port, log_level="error", generate_client_file=False)


if __name__ == "__main__":
    kind, model_path, at = sys.argv[1].removesuffix("-1"), sys.argv[2], int(sys.argv[3])
    if sys.argv[1].endswith("-1"):
        torch.set_num_threads(1)
    if kind == "litserve":
        litserve(model_path, at)
    else:
        plain(model_path, at, threads=kind == "plain")
