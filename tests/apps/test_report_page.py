"""The report: its numbers are the result's, its lists are in the order they claim, and a browser can hover."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from twinnet.apps.evaluate import evaluate
from twinnet.apps.report import percent, verdict, write_report
from twinnet.apps.report.embedding_map import MOST_ITEMS, chosen, embedding_map, own_neighbour, projected
from twinnet.apps.report.mistakes import group_rows, hardest_of, worst_identities
from twinnet.apps.report.words import named
from twinnet.core.errors import ConfigError
from twinnet.core.types import Interval
from twinnet.data import Dataset, ImageStore, digits, load
from twinnet.evaluation import Result, bare
from twinnet.model import Model
from twinnet.training import TrainConfig, train


@pytest.fixture(scope="module")
def model() -> Model:
    data = digits()
    some = np.concatenate([rows[:40] for rows in data.by_identity().values()])
    return train(data.subset(np.sort(some)), TrainConfig(steps=15, size_px=16, calibration_share=0.3))


@pytest.fixture(scope="module")
def store(model: Model) -> ImageStore:
    known = digits()
    data = known.subset(np.sort(np.concatenate([rows[50:60] for rows in known.by_identity().values()])))
    odd = Dataset(
        data.items, data.keys, data.identities, data.identity_names,
        data.labels() % 2, ("even", "odd"), source="some digits",
    )  # fmt: skip
    return load(odd, model.preprocess)


@pytest.fixture(scope="module")
def result(model: Model, store: ImageStore) -> Result:
    return evaluate(model, store)


@pytest.fixture(scope="module")
def worse() -> Result:
    eer = np.linspace(0.1, 0.4, 54).reshape(9, 6)
    arrays = {
        "distortions": np.array([f"kind {i}" for i in range(9)]),
        "levels": np.ones((9, 5)),
        "eer": eer,
        "low": eer - 0.02,
        "high": eer + 0.02,
    }
    counts = {"items": 100, "genuine_pairs": 450, "impostor_pairs": 4500, "steps": 5}
    metrics = {"eer_clean": Interval(0.08, 0.1, 0.12, 0.95, "m"), "eer_blur_5": Interval(0.3, 0.4, 0.5, 0.95, "m")}
    return Result("robustness", metrics, counts, "some digits", seed=0, arrays=arrays)


@pytest.fixture(scope="module")
def page(
    model: Model, store: ImageStore, result: Result, worse: Result, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("report") / "out.html"
    write_report(path, model, result, store, robustness=worse, command="twinnet evaluate …", date="2026-01-02")
    return path


def test_the_verdict_has_the_figures_of_the_result(page: Path, result: Result) -> None:
    html = page.read_text(encoding="utf-8")
    said = re.search(r'class="verdict">(.*?)</p>', html, re.DOTALL)
    assert said
    for name in ("accuracy", "far", "frr", "eer"):
        assert percent(result.metrics[name]) in said[1]
    for name in ("far", "frr", "eer", "auc"):
        assert f'<dd class="value">{result.metrics[name].point * 100:.1f} %</dd>' in html


def test_the_page_has_every_part(page: Path) -> None:
    html = page.read_text(encoding="utf-8")
    titles = re.findall(r"<h2>(.*?)</h2>", html)
    assert titles == [
        "Verdict", "Distances and errors", "Hardest pairs", "Worst identities", "Group by group",
        "How it places the items", "Worse pictures", "All figures", "Where this comes from",
    ]  # fmt: skip
    for word in ("learned on", "some digits", "2026-01-02", "twinnet evaluate", "numpy", "t-SNE", "pointwise"):
        assert word in html
    assert html.count("<svg") == 4 + 1 + 1  # four curves, the map, the panels
    assert "The page holds copies of them" in html


def test_the_page_asks_nothing_of_a_network_and_is_light(page: Path) -> None:
    html = page.read_text(encoding="utf-8")
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", html)
    assert "http" not in re.sub(r"http://www\.w3\.org/|http-equiv", "", html)
    assert len(html) < 3_000_000


def test_the_same_seed_and_date_give_the_same_page(
    page: Path, model: Model, store: ImageStore, result: Result, worse: Result, tmp_path: Path
) -> None:
    again = tmp_path / "again.html"
    write_report(again, model, result, store, robustness=worse, command="twinnet evaluate …", date="2026-01-02")
    assert again.read_bytes() == page.read_bytes()


def test_without_pictures_and_without_a_threshold_there_is_still_a_page(
    model: Model, result: Result, tmp_path: Path
) -> None:
    bare_model = model.with_rule(None)
    metrics = {k: v for k, v in result.metrics.items() if k not in ("accuracy", "far", "frr")}
    write_report(tmp_path / "out.html", bare_model, replace(result, metrics=metrics))
    html = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "no threshold" in html
    assert "<img" not in html
    assert html.count("<svg") == 3


def test_a_found_far_beyond_the_promised_one_is_said(model: Model, result: Result) -> None:
    rule = model.known_rule
    far = result.metrics["far"]
    low = replace(rule, far=Interval(far.low / 9, far.low / 4, far.low / 2, 0.95, "m"))
    high = replace(rule, far=Interval(far.high * 1.1, far.high * 1.2, far.high * 1.3, 0.95, "m"))
    assert "more than" in verdict(result, low)
    assert "less than" in verdict(result, high)
    assert "in keeping with" in verdict(result, replace(rule, far=far))


def test_nway_gets_a_shorter_page_with_its_own_figures(model: Model, store: ImageStore, tmp_path: Path) -> None:
    found = evaluate(model, store, protocol="nway", ways=5, episodes=20, within_groups=True)
    write_report(tmp_path / "out.html", model, found, store)
    html = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert percent(found.metrics["accuracy"]) in html
    assert "even</th>" in html
    assert "odd</th>" in html
    assert "guessing would give 20.0%" in html
    assert html.count("<svg") == 2  # the spread over episodes, and the map


@pytest.mark.parametrize(
    ("protocol", "arrays", "drawings"),
    [
        ("lfw", {"accuracy": np.linspace(0.8, 0.9, 10)}, 1),
        ("lake20", {"accuracy": np.linspace(0.8, 0.9, 20)}, 1),
        ("openset", {"fpir": np.array([0, 0.01, 0.1, 1]), "dir": np.array([0.2, 0.5, 0.7, 0.9])}, 1),
        ("retrieval", {}, 0),
        ("retrieval", {"accuracy": np.array(["what", "is"])[:0]}, 0),
    ],
)
def test_every_other_protocol_gets_a_page_too(
    model: Model, tmp_path: Path, protocol: str, arrays: dict[str, np.ndarray], drawings: int
) -> None:
    metrics = {"accuracy": Interval(0.7, 0.8, 0.9, 0.95, "over folds"), "threshold": bare(3.25)}
    write_report(tmp_path / "out.html", model, Result(protocol, metrics, {"items": 9}, "d", seed=1, arrays=arrays))
    html = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "80.0 % (70.0–90.0 %)" in html
    assert "3.25" in html
    assert html.count("<svg") == drawings


def test_robustness_alone_is_a_page_with_its_figure(model: Model, worse: Result, tmp_path: Path) -> None:
    write_report(tmp_path / "out.html", model, worse)
    html = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "blur 5, brings it to 40.0 %" in html
    assert html.count("<svg") == 1


def test_another_protocol_in_place_of_robustness_is_refused(model: Model, result: Result, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="robustness takes"):
        write_report(tmp_path / "out.html", model, result, robustness=result)


def test_worst_identities_are_those_whose_own_pairs_fail() -> None:
    who = np.array([0, 0, 0, 1, 1, 1, 2, 2])
    first, second = np.triu_indices(8, 1)
    same = who[first] == who[second]
    d = np.where(same, 0.2, 0.8)
    d[same & (who[first] == 1)] = 0.9  # nobody's own pairs but those of 1 are far apart
    d[(who[first] == 0) & (who[second] == 2)] = 0.1  # 0 and 2 are taken for each other
    result = Result("verification", {}, {}, arrays={"distances": d, "same": same, "first": first, "second": second})
    (worst,) = worst_identities(result, who, 0.5, genuine=True)
    assert (worst.identity, worst.wrong, worst.pairs) == (1, 3, 3)
    found = worst_identities(result, who, 0.5, genuine=False)
    assert [(own.identity, own.wrong, own.pairs) for own in found] == [(2, 6, 12), (0, 6, 15)]


def test_many_pairs_with_errors_come_before_two_of_two() -> None:
    who = np.repeat([0, 1, 2], [2, 15, 2])
    first, second = np.triu_indices(len(who), 1)
    same = who[first] == who[second]
    d = np.where(same & (who[first] != 2), 0.9, 0.1)
    result = Result("verification", {}, {}, arrays={"distances": d, "same": same, "first": first, "second": second})
    assert [own.identity for own in worst_identities(result, who, 0.5, genuine=True)] == [1, 0]


def test_hardest_pairs_come_hardest_first_and_no_item_twice(result: Result, store: ImageStore) -> None:
    for genuine, sign in ((True, -1), (False, 1)):
        pictures = hardest_of(result, store, genuine)
        distances = [float(p.caption.rsplit(" ", 1)[1]) * sign for p in pictures]
        assert distances == sorted(distances)
        own = result.arrays["distances"][result.arrays["same"] == genuine]
        assert distances[0] * sign == pytest.approx(own.max() if genuine else own.min(), abs=6e-4)


def test_groups_are_judged_by_the_pairs_inside_them(result: Result, store: ImageStore, model: Model) -> None:
    rows = group_rows(result, store.dataset, model.known_rule.threshold, 0)
    assert {row[0] for row in rows} == {"even", "odd"}
    a = result.arrays
    group = store.dataset.groups
    assert group is not None
    inside = (group[a["first"]] == 0) & (group[a["second"]] == 0)
    far = (a["distances"][inside & ~a["same"]] < model.known_rule.threshold).mean()
    (even,) = [row for row in rows if row[0] == "even"]
    assert even[1:3] == [f"{(inside & kind).sum():,}" for kind in (a["same"], ~a["same"])]
    assert even[4].startswith(f"{far * 100:.1f} %")


def test_the_map_keeps_well_separated_identities_apart() -> None:
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(6), 8)
    x = 10 * rng.normal(size=(6, 16))[who] + 0.1 * rng.normal(size=(48, 16))
    d = np.linalg.norm(x[:, None] - x[None], axis=-1)
    before = d.copy()
    places = projected(d, x, 0)
    assert np.array_equal(d, before)
    gaps = np.linalg.norm(places[:, None] - places[None], axis=-1)
    assert own_neighbour(gaps, who) == own_neighbour(d, who) == 1
    assert np.array_equal(places, projected(d, x, 0))


def test_the_map_draws_whole_identities_and_stays_within_its_bound(store: ImageStore, model: Model) -> None:
    rows = chosen(store.dataset, 45, 0)
    assert len(rows) == len(set(rows.tolist())) <= 45 < MOST_ITEMS
    drawn = embedding_map(model, store, most=45)
    assert drawn is not None
    assert len(drawn.places) == len(drawn.images) == len(rows)
    assert np.isfinite(drawn.places).all()


def test_names_of_figures_are_words() -> None:
    assert named("tar_at_far_1e-3") == "genuine accepted at FAR 1e-3"
    assert named("recall_at_5") == "recall@5"
    assert named("some_thing") == "some thing"


def test_hovering_in_a_browser_shows_the_item_and_its_kin(page: Path, tmp_path: Path) -> None:
    browser = next((found for name in ("chromium", "google-chrome", "chrome") if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip("no Chromium or Chrome on this machine to open the page with")
    probe = """<script>
      const target = document.querySelector(".map svg"), box = target.getBoundingClientRect();
      const dot = target.querySelectorAll("circle")[4], scale = box.width / 900;
      const [x, y] = ["cx", "cy"].map(name => dot.getAttribute(name) * scale);
      const at = { clientX: box.left + x, clientY: box.top + y };
      target.dispatchEvent(new PointerEvent("pointermove", at));
      const shown = document.querySelector(".card"), kin = document.querySelectorAll("circle.kin").length;
      const first = [shown.hidden, shown.textContent, shown.querySelector("img").alt, kin];
      target.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
      document.body.dataset.probe = JSON.stringify([...first, shown.hidden]);
    </script></body>"""
    probed = tmp_path / "probed.html"
    probed.write_text(page.read_text(encoding="utf-8").replace("</body>", probe), encoding="utf-8")
    answer = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
         "--no-first-run", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", probed.as_uri()],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if not answer.stdout:
        pytest.skip(f"the browser does not start here: {answer.stderr[-200:]}")
    found = re.search(r'data-probe="([^"]*)"', answer.stdout)
    assert found, "the script did not run to its end"
    hidden, words, alt, kin, hidden_after = json.loads(found[1].replace("&quot;", '"'))
    assert not hidden
    assert words.strip() == alt
    assert words.strip() in set("0123456789")
    assert kin == 9
    assert hidden_after
