"""A serving machine without torch: how large, how soon ready, how much memory; and does it serve?

python benchmarks/serving_install.py            # installs into a temporary environment; needs a package index
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from pathlib import Path

from serving import network, pictures, request_of, rss_mib
from twinnet.apps.export import exported_bytes

ROOT = Path(__file__).parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "m.onnx").write_bytes(exported_bytes(network("resnet 112 px")))
        files = pictures(folder)
        begun = time.monotonic()
        venv.create(folder / "env", with_pip=True)
        pip = [str(folder / "env/bin/pip"), "install", "-q", "--only-binary", ":all:"]
        subprocess.run([*pip, "-r", str(ROOT / "deploy" / "requirements.txt")], check=True)
        subprocess.run([str(folder / "env/bin/pip"), "install", "-q", "--no-deps", str(ROOT)], check=True)
        installed = time.monotonic() - begun
        size = sum(
            file.stat().st_size for file in (folder / "env").rglob("*") if file.is_file() and not file.is_symlink()
        )
        command = [str(folder / "env/bin/twinnet"), "serve", str(folder / "m.onnx"), "--gallery", str(folder / "g")]
        begun = time.monotonic()
        with subprocess.Popen(
            [*command, "--port", "0", "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as served:
            assert served.stdout is not None
            said = b""
            while b"}" not in said:
                said += served.stdout.readline()
            ready = time.monotonic() - begun
            address = json.loads(said)["address"]
            fields = {"identity": b"Ada", "images": files[0].read_bytes()}
            enrolled = urllib.request.urlopen(request_of(f"{address}/v1/identities", fields, ("images",))).status
            found = json.load(
                urllib.request.urlopen(request_of(f"{address}/v1/search", {"image": files[0].read_bytes()}, ("image",)))
            )
            memory = rss_mib(served.pid)
            torch = (folder / "env/lib").glob("python*/site-packages/torch")
            served.terminate()
            code = served.wait(30)
        answer = {
            "environment_mb": size / 1e6, "install_s": installed, "ready_s": ready, "rss_mib": memory,
            "torch_is_there": any(torch), "enrolled": enrolled == 201,
            "found": found["matches"][0]["identity"] == "Ada", "exit_code": code, "python": sys.version.split()[0],
        }  # fmt: skip
    for title, value in answer.items():
        print(f"{title}: {value:.1f}" if isinstance(value, float) else f"{title}: {value}")
    if args.json:
        args.json.write_text(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
