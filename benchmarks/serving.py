"""How fast `twinnet serve` is beside the bare network and other servers; whether it grows, whether it collapses.

    python benchmarks/serving.py --seconds 60                    # load: 1 to 64 callers
    python benchmarks/serving.py --part beside --seconds 60      # other servers, 32 callers; litserve if installed
    python benchmarks/serving.py --part memory --seconds 600
    python benchmarks/serving.py --part overload --seconds 30

The networks have random weights, for the speed does not depend on them; `--model FILE.twin` takes one of yours.
Pictures are invented. Client and server are two processes on this machine, and share its cores with each other. The
bare rate is that of ONNX Runtime with as many threads as cores, on batches of 8, 16 or 32, whichever is the fastest,
measured before and after each run and averaged: a machine that others use changes under a measurement. The
processor's time for one image, of the server's process and of the bare network's, does so less.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from twinnet import Model, Preprocess, compare, encoders, load
from twinnet.apps.export import export
from twinnet.core.seeds import stream
from twinnet.encoders import EncoderSpec

HERE = Path(__file__).parent
NETWORKS = {
    "resnet 112 px": ("resnet", 112, 128),
    "resnet 56 px": ("resnet", 56, 64),
    "compact 28 px": ("compact", 28, 64),
}
BARE = """
import json, sys, time
import numpy as np
from twinnet.engine import Engine
engine, found = Engine(sys.argv[1], threads=int(sys.argv[2])), []
for size in (8, 16, 32):
    images = np.random.default_rng(0).integers(0, 256, (size, *engine.preprocess.shape), np.uint8)
    pixels = engine.preprocess.normalise(images)
    run = lambda: engine._session.run(None, {engine._input: pixels})
    run()
    begun, spent, n = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - begun < float(sys.argv[3]) / 3:
        run(); n += size
    found.append([n / (time.perf_counter() - begun), 1e3 * (time.process_time() - spent) / n])
print(json.dumps([max(rate for rate, _ in found), min(cpu for _, cpu in found)]))
"""


def network(name: str) -> Model:
    encoder, side, dim = NETWORKS[name]
    spec = EncoderSpec(encoder, 1, dim)
    torch.manual_seed(0)
    return Model(encoders.build(spec).eval(), compare.build("cosine", dim), Preprocess(side, side), None, {}, spec)


def pictures(folder: Path, sides: tuple[int, ...] = (112,)) -> list[Path]:
    rng, found = stream(0, "pictures"), []
    for i in range(16):
        side = sides[i % len(sides)]
        rough = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        found.append(folder / f"{i}.jpg")
        Image.fromarray(rough).resize((side, side), Image.Resampling.BICUBIC).save(found[-1], quality=88)
    return found


def bare(exported: Path, threads: int, seconds: float) -> tuple[float, float]:
    """Images a second, and milliseconds of processor for one."""
    command = [sys.executable, "-c", BARE, str(exported), str(threads), str(seconds)]
    rate, cpu = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return rate, cpu


@contextmanager
def served(exported: Path, *options: str) -> Iterator[tuple[int, int]]:
    """Port and process of a server."""
    words = ["serve", str(exported), "--port", "0", "--json", "--no-page", *options]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            [sys.executable, "-m", "twinnet.cli.main", *words], stdout=subprocess.PIPE, stderr=log
        ) as process,
    ):
        assert process.stdout is not None
        said = b""
        while b"}" not in said:
            said += process.stdout.readline()
        try:
            yield int(json.loads(said)["address"].rsplit(":", 1)[1]), process.pid
        finally:
            process.terminate()


@contextmanager
def peer(kind: str, model: Path) -> Iterator[tuple[int, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(HERE / "serving_peers.py"), kind, str(model), str(port)]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            for _ in range(1200):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            time.sleep(2)
            yield port, process.pid
        finally:
            os.killpg(process.pid, 15)


def asked(port: int, callers: int, seconds: float, files: list[Path], at_once: int = 1) -> dict[str, Any]:
    command = [
        sys.executable,
        str(HERE / "serving_client.py"),
        str(port),
        f"/v1/embed#{at_once}",
        "images",
        str(callers),
    ]
    done = subprocess.run([*command, str(seconds), *map(str, files)], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def request_of(url: str, fields: dict[str, bytes], files: tuple[str, ...]) -> urllib.request.Request:
    """A form with one part for each field; those named in `files` are files."""
    parts = []
    for name, value in fields.items():
        file = '; filename="a"' if name in files else ""
        parts.append(f'--b-o\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + value + b"\r\n")
    body = b"".join(parts) + b"--b-o--\r\n"
    return urllib.request.Request(url, body, {"Content-Type": "multipart/form-data; boundary=b-o"})


def rss_mib(pid: int) -> float:
    fields = Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()
    return int(fields[0]) / 1024


def cpu_s(pid: int) -> float:
    """What a process and those that it started have used."""
    spent, parents = dict[int, float](), dict[int, int]()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            number = int(path.parent.name)
            parents[number] = int(fields[1])
            spent[number] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    family, before = {pid}, 0
    while len(family) > before:
        before = len(family)
        family |= {child for child, parent in parents.items() if parent in family}
    return sum(spent.get(number, 0.0) for number in family)


def load_part(
    models: dict[str, tuple[Path, Path]], args: argparse.Namespace, files: list[Path]
) -> list[dict[str, Any]]:
    rows = []
    for name, (_, exported) in models.items():
        with served(exported, "--threads", str(args.threads)) as (port, pid):
            for at_once in args.at_once:
                asked(port, 4, 2, files, at_once)
                for callers in args.callers:
                    before, spent = bare(exported, args.threads, args.bare_seconds), cpu_s(pid)
                    found = asked(port, callers, args.seconds, files, at_once)
                    spent = cpu_s(pid) - spent
                    raw = np.mean([before, bare(exported, args.threads, args.bare_seconds)], axis=0)
                    rows.append(row(name, callers, at_once, found, float(raw[0]), rss_mib(pid)))
                    images = max(1, found["codes"].get("200", {"n": 0})["n"] * at_once)
                    rows[-1] |= {"cpu_ms": 1e3 * spent / images, "bare_cpu_ms": float(raw[1])}
                    print(line(rows[-1]), flush=True)
    return rows


def row(name: str, callers: int, at_once: int, found: dict[str, Any], raw: float, rss: float) -> dict[str, Any]:
    good = found["codes"].get("200", {"n": 0, "p50": float("nan"), "p99": float("nan")})
    errors = found["broken"] + sum(of["n"] for code, of in found["codes"].items() if code != "200")
    return {
        "network": name, "callers": callers, "images_in_a_request": at_once, "images_per_s": found["images_per_s"],
        "of_bare": found["images_per_s"] / raw, "bare_images_per_s": raw, "p50_ms": 1e3 * good["p50"],
        "p99_ms": 1e3 * good["p99"], "errors": errors, "rss_mib": rss,
    }  # fmt: skip


def line(of: dict[str, Any]) -> str:
    return (
        f"| {of['network']} | {of['images_in_a_request']} | {of['callers']} | {of['images_per_s']:.0f} | "
        f"{of['bare_images_per_s']:.0f} | {of['of_bare']:.2f} | {of['p50_ms']:.0f} | {of['p99_ms']:.0f} | "
        f"{of['errors']} | {of['cpu_ms']:.2f} | {of['bare_cpu_ms']:.2f} |"
    )


def beside_part(
    models: dict[str, tuple[Path, Path]], args: argparse.Namespace, files: list[Path]
) -> list[dict[str, Any]]:
    """Each server in turn, twice, so that a change of the machine falls on all."""
    rows = []
    for name, (model, exported) in models.items():
        for turn in range(2):
            for kind in args.servers:
                start = served(exported, "--threads", str(args.threads)) if kind == "twinnet" else peer(kind, model)
                with start as (port, pid):
                    try:
                        asked(port, 4, 3, files)
                        spent = cpu_s(pid)
                        found = asked(port, 32, args.seconds / 2, files)
                        spent = cpu_s(pid) - spent
                    except (subprocess.CalledProcessError, ValueError, KeyError):
                        print(f"{kind}: does not answer; is it installed?", file=sys.stderr)
                        continue
                rows.append({"server": kind, "turn": turn, **row(name, 32, 1, found, 1.0, 0.0)})
                of = rows[-1]
                of["cpu_ms"] = 1e3 * spent / max(1, found["codes"].get("200", {"n": 0})["n"])
                figures = (f"{of['images_per_s']:.1f}", f"{of['p50_ms']:.0f}", f"{of['p99_ms']:.0f}", str(of["errors"]))
                print(f"| {' | '.join((name, kind, *figures))} | {of['cpu_ms']:.2f} |", flush=True)
    return rows


def memory_part(
    models: dict[str, tuple[Path, Path]], args: argparse.Namespace, files: list[Path]
) -> list[dict[str, Any]]:
    """Pictures of many sizes, so that nothing is flat by being always the same."""
    name, (_, exported) = next(iter(models.items()))
    sizes: list[dict[str, Any]] = []
    with served(exported, "--threads", str(args.threads)) as (port, pid):
        begun = time.monotonic()
        while (spent := time.monotonic() - begun) < args.seconds:
            asked(port, 32, min(args.seconds / 20, 30), files)
            sizes.append({"network": name, "seconds": spent, "rss_mib": rss_mib(pid)})
            print(f"{spent:6.0f} s {sizes[-1]['rss_mib']:.1f} MiB", flush=True)
    half = sizes[len(sizes) // 2 :]
    slope = (
        np.polyfit([of["seconds"] / 60 for of in half], [of["rss_mib"] for of in half], 1)[0] if len(half) > 1 else 0.0
    )
    print(f"second half: {slope:+.2f} MiB a minute")
    return [*sizes, {"slope_mib_per_minute": float(slope)}]


def overload_part(
    models: dict[str, tuple[Path, Path]], args: argparse.Namespace, files: list[Path]
) -> list[dict[str, Any]]:
    rows = []
    name, (_, exported) = next(iter(models.items()))
    with served(exported, "--threads", str(args.threads)) as (port, _):
        for callers in (32, 128, 256, 512):
            found = asked(port, callers, args.seconds, files)
            rows.append({"network": name, "callers": callers, **found})
            refused = found["codes"].get("503", {"n": 0, "p50": 0.0, "p99": 0.0})
            times = [1e3 * t for t in (found["codes"]["200"]["p99"], refused["p50"], refused["p99"])]
            told = f"{found['images_per_s']:.0f} | {times[0]:.0f} | {refused['n']} | {times[1]:.0f} | {times[2]:.0f}"
            print(f"| {callers} | {told} | {found['broken']} |", flush=True)
    return rows


PARTS = {"load": load_part, "beside": beside_part, "memory": memory_part, "overload": overload_part}
COLUMNS = {
    "load": "network | images in a request | callers | images/s | bare | of bare | p50 ms | p99 ms | errors | "
    "processor ms an image | bare",
    "beside": "network | server | images/s | p50 ms | p99 ms | errors | processor ms an image",
    "memory": "",
    "overload": "callers | images/s | p99 ms | refused | p50 ms of it | p99 ms of it | broken",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=sorted(PARTS), default="load")
    parser.add_argument("--network", nargs="*", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--model", type=Path, help="a model file instead of networks of random weights")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--bare-seconds", type=float, default=5.0)
    parser.add_argument("--callers", type=int, nargs="*", default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--at-once", type=int, nargs="*", default=[1], help="images in one request")
    parser.add_argument(
        "--servers",
        nargs="*",
        default=["twinnet", "plain", "plain-1", "plain-async", "plain-async-1", "litserve", "litserve-1"],
    )
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, models = Path(name), {}
        for title in [args.model.stem] if args.model else args.network:
            model = load(args.model) if args.model else network(title)
            paths = folder / f"{title}.twin", folder / f"{title}.onnx"
            model.save(paths[0])
            export(model, paths[1])
            models[title] = paths
        sides = (48, 112, 200, 333, 640, 1000) if args.part == "memory" else (112,)
        files = pictures(folder, sides)
        if columns := COLUMNS[args.part]:
            print(f"| {columns} |\n{'| --- ' * (columns.count('|') + 1)}|", flush=True)
        rows = PARTS[args.part](models, args, files)
    if args.json:
        args.json.write_text(json.dumps({"benchmark": "serving", "part": args.part, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
