"""The pictures of docs/serving.md: the page of `twinnet serve`, in a real browser, with digits people wrote.

python benchmarks/serving_screens.py -o docs/figures        # needs playwright and Chromium; trains for a minute
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

import twinnet
from twinnet.apps.export import export

CONFIG = twinnet.TrainConfig(
    encoder="compact", width=8, dim=16, size_px=20, steps=60, identities_per_batch=5, items_per_identity=6,
    validation_share=0, calibration_share=0, precision="float32", device="cpu", class_turns=False,
)  # fmt: skip
SHAPES = {
    "ka": [(0.25, 0.3), (0.75, 0.3), (0.7, 0.8), (0.55, 0.75)],
    "hi": [(0.3, 0.15), (0.3, 0.75), (0.45, 0.85), (0.8, 0.7)],
    "zed": [(0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8)],
}


def trained(out: Path) -> twinnet.Dataset:
    """A model that never saw the digits 5 to 9, and these."""
    data = twinnet.digits()
    own = (range(5), (5, 6, 7), (8, 9))
    parts = [data.subset(np.flatnonzero(np.isin(data.labels(), list(labels)))[:300]) for labels in own]
    model = twinnet.calibrate(twinnet.train(parts[0], CONFIG), parts[1])
    export(model, out, parts[2])
    return parts[2]


def file(image: np.ndarray) -> dict[str, Any]:
    out = io.BytesIO()
    Image.fromarray(image[:, :, 0]).resize((160, 160), Image.Resampling.BICUBIC).save(out, "PNG")
    return {"name": "a.png", "mimeType": "image/png", "buffer": out.getvalue()}


def stroke(page: Any, canvas: Any, points: list[tuple[float, float]]) -> None:
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def shot(page: Any, out: Path) -> None:
    page.wait_for_timeout(400)
    content = page.screenshot(full_page=True)
    Image.open(io.BytesIO(content)).convert("RGB").quantize(128).save(out, optimize=True)
    print(out, out.stat().st_size // 1024, "KB")


def compare(page: Any, data: twinnet.Dataset) -> None:
    inputs = page.locator("#compare .pick input[type=file]")
    for i, item in enumerate((3, 9)):
        inputs.nth(i).set_input_files(file(of(data, 8, item)))
    page.wait_for_selector("#compare-answer .verdict")
    page.get_by_role("button", name="Show what drives it").click()
    page.wait_for_selector("#compare .heat img >> nth=1")


def gallery(page: Any, data: twinnet.Dataset) -> None:
    inputs = page.locator("#gallery .pick input[type=file]")
    for digit, name in ((8, "eight"), (9, "nine")):
        page.get_by_label("Name", exact=True).fill(name)
        inputs.nth(1).set_input_files([file(of(data, digit, i)) for i in range(3)])
        page.get_by_role("button", name="Enrol").click()
        page.get_by_text(f"{name} is enrolled with 3 pictures.").wait_for()
    inputs.nth(0).set_input_files(file(of(data, 9, 7)))
    page.wait_for_selector("#gallery-answer .verdict")


def draw(page: Any, data: twinnet.Dataset) -> None:
    teach, probe = page.locator("#draw canvas").nth(0), page.locator("#draw canvas").nth(1)
    for name, points in SHAPES.items():
        stroke(page, teach, points)
        page.get_by_label("Its name").fill(name)
        page.get_by_role("button", name="Add").click()
        page.get_by_text(f"{name} is learned.").wait_for()
    stroke(page, probe, [(x + 0.03, y - 0.02) for x, y in SHAPES["zed"]])
    page.wait_for_selector("#draw-answer .bars")


def of(data: twinnet.Dataset, digit: int, i: int) -> np.ndarray:
    label = [str(name) for name in data.identity_names].index(str(digit))
    return np.asarray(data.read(int(data.by_identity()[label][i])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        data = trained(Path(name) / "digits.onnx")
        command = [sys.executable, "-m", "twinnet.cli.main", "serve", f"{name}/digits.onnx", "--gallery", f"{name}/g"]
        with subprocess.Popen(
            [*command, "--keep-originals", "--port", "0", "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as served:
            assert served.stdout is not None
            said = b""
            while b"}" not in said:
                said += served.stdout.readline()
            address = json.loads(said)["address"].replace("127.0.0.1", "localhost")
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            wide = {"viewport": {"width": 900, "height": 700}}
            phone = {"viewport": {"width": 390, "height": 780}, "color_scheme": "dark", "is_mobile": True}
            for tab, do, title, context in (
                ("compare", compare, "compare", wide), ("gallery", gallery, "gallery", wide),
                ("draw", draw, "draw", wide),
                ("compare", compare, "phone", phone),
            ):  # fmt: skip
                page = browser.new_context(**context).new_page()
                page.goto(f"{address}/#{tab}")
                do(page, data)
                shot(page, args.out / f"serving-{title}.png")
            browser.close()
            served.terminate()


if __name__ == "__main__":
    main()
