"""Requests that mean no good, by the thousand, against `twinnet serve` in a process of its own.

    pip install schemathesis && python benchmarks/serving_hostile.py --requests 10000

A third are what Schemathesis makes of the OpenAPI, right and wrong ones; the others are pictures with bytes changed,
cut out and put in. What may not be: a server that dies, a status of 500, a trace, a path or an address of memory in an
answer, an answer that the OpenAPI does not describe, an error in the log, a gallery that is damaged afterwards.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from serving import network, request_of, rss_mib
from twinnet.apps.export import exported_bytes
from twinnet.core.seeds import stream
from twinnet.decide import DecisionRule
from twinnet.gallery import LocalStore
from twinnet.server.keys import add_key

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "unsupported_method", "allow_header_conformance", "use_after_free", "ignored_auth",
)  # fmt: skip
LEAKS = re.compile(r"Traceback|site-packages|/(?:home|root|tmp|usr)/|\bat 0x[0-9a-f]{6}|\.py\b")


def told(address: str, key: str, path: str) -> str:
    asked = urllib.request.Request(address + path, headers={"Authorization": f"Bearer {key}"})
    return str(urllib.request.urlopen(asked).read().decode())


def counted(metrics: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for status, n in re.findall(r'twinnet_requests_total\{.*status="(\d+)"\} (\S+)', metrics):
        found[status] += int(float(n))
    return found


def schemathesis(address: str, key: str, requests: int, folder: Path, seed: int) -> tuple[bool, str]:
    """Whether nothing was found, and what was. It makes about so many requests over 16 operations."""
    har = folder / "answers.har"
    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "run",
        f"{address}/openapi.json",
        "--no-color",
        "--seed",
        str(seed),
    ]
    command += ["--checks", ",".join(CHECKS), "--max-examples", str(max(1, requests // 16)), "--max-failures", "20"]
    command += ["-H", f"Authorization: Bearer {key}", "--report", "har", "--report-har-path", str(har)]
    command += ["--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if "No module named" in done.stderr:
        sys.exit("Schemathesis is not installed. Next: pip install schemathesis.")
    leaks = Counter[str]()
    for entry in json.loads(har.read_text())["log"]["entries"]:
        asked, said = json.dumps(entry["request"]), str(entry["response"]["content"].get("text", ""))
        leaks.update(leak for leak in LEAKS.findall(said) if leak not in asked)
    return done.returncode == 0 and not leaks, done.stdout + (f"\nleaks: {leaks}" if leaks else "")


def changed(content: bytes, rng: np.random.Generator) -> bytes:
    """The file with bytes changed, cut out, put in or repeated, at one to eight places."""
    found = bytearray(content)
    for _ in range(int(rng.integers(1, 9))):
        at, n = int(rng.integers(0, max(1, len(found)))), int(rng.integers(1, 16))
        kind = int(rng.integers(0, 5))
        if kind == 0 and found:
            found[at % len(found)] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1:
            found[at : at + n] = rng.bytes(n)
        elif kind == 2:
            del found[at : at + n]
        elif kind == 3:
            found[at:at] = found[at : at + n] * int(rng.integers(1, 50))
        else:
            found[at : at + 4] = bytes.fromhex(
                ("ffffffff", "7fffffff", "00000000", "80000000")[int(rng.integers(0, 4))]
            )
    return bytes(found)


def pictures() -> list[bytes]:
    rng, found = stream(0, "honest pictures"), []
    for kind, options in (
        ("PNG", {}), ("PNG", {"interlace": 1}), ("JPEG", {}), ("JPEG", {"progressive": True}), ("WEBP", {}),
        ("WEBP", {"lossless": True}),
    ):  # fmt: skip
        for mode in ("L", "RGB"):
            out = io.BytesIO()
            pixels = rng.integers(0, 256, (24, 20, 3), dtype=np.uint8)
            Image.fromarray(pixels).convert(mode).save(out, kind, **options)
            found.append(out.getvalue())
    return found


def mutated(address: str, key: str, requests: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Statuses by number, and the answers that told too much or were no problem of ours."""
    rng, honest = stream(seed, "changed pictures"), pictures()
    statuses, odd = Counter[str](), list[str]()
    for i in range(requests):
        files = [changed(honest[int(rng.integers(0, len(honest)))], rng) for _ in range(2)]
        asked = [
            request_of(f"{address}/v1/verify", {"first": files[0], "second": files[1]}, files=("first", "second")),
            request_of(f"{address}/v1/embed", {"images": files[0]}, files=("images",)),
            request_of(
                f"{address}/v1/identities", {"identity": b"x%d" % (i % 50), "images": files[0]}, files=("images",)
            ),
            request_of(f"{address}/v1/search", {"image": files[0]}, files=("image",)),
        ][i % 4]
        asked.add_header("Authorization", f"Bearer {key}")
        try:
            with urllib.request.urlopen(asked) as said:
                status, text = said.status, said.read().decode()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read().decode()
            error.close()
            if error.headers["content-type"] != "application/problem+json":
                odd.append(text)
        statuses[str(status)] += 1
        if status >= 500 or LEAKS.search(text):
            odd.append(text)
    return statuses, odd


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rule = DecisionRule(0.3, "given", learned_on="nothing")
        (folder / "m.onnx").write_bytes(exported_bytes(network("compact 28 px").with_rule(rule)))
        key = add_key(folder / "keys.json", "all", ["read", "enrol", "delete"])
        words = [
            "serve",
            str(folder / "m.onnx"),
            "--gallery",
            str(folder / "g"),
            "--keep-originals",
            "--port",
            "0",
            "--json",
        ]
        words += ["--keys", str(folder / "keys.json"), "--audit", str(folder / "audit"), "--per-minute", str(10**9)]
        log = folder / "log"
        command = [sys.executable, "-m", "twinnet.cli.main", *words]
        with log.open("wb") as err, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=err) as process:
            assert process.stdout is not None
            said = b""
            while b"}" not in said:
                said += process.stdout.readline()
            address = json.loads(said)["address"]
            before = rss_mib(process.pid)
            statuses, odd = mutated(address, key, args.requests * 7 // 10, args.seed)
            # Its coverage phase makes requests of its own on top; the metrics count what really came.
            fine, report = schemathesis(address, key, args.requests * 3 // 10, folder, args.seed)
            codes = counted(told(address, key, "/metrics"))
            alive, after = process.poll() is None, rss_mib(process.pid)
            process.terminate()
            exit_code = process.wait(60)
        with LocalStore.open(folder / "g") as store:
            damage = store.problems()
        errors = [line for line in log.read_text().splitlines() if '"level": "error"' in line or "trace" in line]
    if not fine:
        print(report)
    answer: dict[str, Any] = {
        "requests": sum(codes.values()), "of_changed_pictures": dict(sorted(statuses.items())),
        "all": dict(sorted(codes.items())), "schemathesis_found_nothing": fine, "odd_answers": odd[:10],
        "errors_in_the_log": errors[:10], "alive": alive, "exit_code": exit_code, "gallery_problems": damage,
        "rss_mib": [round(before, 1), round(after, 1)],
    }  # fmt: skip
    print(json.dumps(answer, indent=1))
    if args.json:
        args.json.write_text(json.dumps({"benchmark": "serving_hostile", **answer}, indent=1))
    sys.exit(not (fine and alive and exit_code == 0 and not odd and not errors and not damage))


if __name__ == "__main__":
    main()
