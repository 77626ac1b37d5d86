"""The page in a real browser: every tab does its job, by mouse and by keyboard, and asks nobody but its own server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from twinnet.server.keys import add_key

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium; next: apt-get install chromium")
Face = Callable[..., bytes]
TABS = ("compare", "gallery", "draw", "texts", "model")
TEXT = "The harbour lies in a bay that opens to the west, and at dusk the boats come home in one long line of lights."


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        options = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


class Page:
    """A tab at a server, and everything that it complained of or asked from elsewhere."""

    def __init__(self, chromium: Any, port: int, **context: Any) -> None:
        self.origin, self.complaints, self.strangers = f"http://localhost:{port}", list[str](), list[str]()
        self.context = chromium.new_context(**context)
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.page.on("console", lambda said: said.type in ("error", "warning") and self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append("dialog: " + dialog.message))
        self.page.on("request", self._seen)

    def _seen(self, request: Any) -> None:
        if not request.url.startswith((self.origin, "data:", "blob:")):
            self.strangers.append(request.url)

    def open(self, tab: str = "compare") -> Any:
        self.page.goto(f"{self.origin}/#{tab}")
        self.page.wait_for_selector(f"#{tab}:not([hidden])", state="attached")
        return self.page


@pytest.fixture
def visit(chromium: Any, talk: Any, plain: Any) -> Iterator[Callable[..., Page]]:
    opened = []

    def start(context: dict[str, Any] | None = None, **settings: Any) -> Page:
        server = talk(**settings) if settings else plain
        opened.append(Page(chromium, server.port, **(context or {})))
        return opened[-1]

    yield start
    for one in opened:
        shot = os.environ.get("TWINNET_SCREENSHOTS")
        if shot:
            name = os.environ["PYTEST_CURRENT_TEST"].split("::")[1].split()[0]
            one.page.screenshot(path=f"{shot}/{name}.png", full_page=True)
        one.context.close()
        assert one.complaints == []
        assert one.strangers == []


def until(page: Any, script: str) -> None:
    """Wait for a truth about the page. Playwright's own way of waiting evaluates text, which the page forbids."""
    for _ in range(600):
        if page.evaluate(script):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never came true: {script}")


def image(content: bytes) -> dict[str, Any]:
    return {"name": "a.png", "mimeType": "image/png", "buffer": content}


def inputs(page: Any, panel: str) -> Any:
    return page.locator(f"#{panel} .pick input[type=file]")


def test_two_pictures_get_a_verdict_a_gauge_and_what_drives_it(visit: Any, face: Face) -> None:
    page = visit().open()
    inputs(page, "compare").nth(0).set_input_files(image(face(0, 0)))
    inputs(page, "compare").nth(1).set_input_files(image(face(0, 1)))
    page.wait_for_selector("#compare-answer .verdict.same")
    assert "The same" in page.inner_text("#compare-answer")
    assert "where half of all comparisons are of the same" in page.inner_text("#compare-answer")
    assert page.locator("#compare-answer svg path.genuine").count() == 1
    assert "threshold" in page.get_attribute("#compare-answer svg", "aria-label")
    page.get_by_role("button", name="Show what drives it").click()
    page.wait_for_selector("#compare .heat img >> nth=1")
    inputs(page, "compare").nth(1).set_input_files(image(face(3)))
    page.wait_for_selector("#compare-answer .verdict.different")
    assert page.locator("#compare .heat img").count() == 0


def test_it_works_by_keyboard_alone(visit: Any, face: Face) -> None:
    visited = visit()
    page = visited.page
    page.goto(visited.origin)
    page.wait_for_selector("#compare .pick")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.get_by_role("tab", name="Compare").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-gallery"
    page.keyboard.press("End")
    assert page.locator("#model:not([hidden])").count() == 1
    page.keyboard.press("Home")
    for person, title in ((0, "First picture"), (3, "Second picture")):
        button = page.get_by_role("group", name=title).get_by_role("button", name="Choose a picture")
        with page.expect_file_chooser() as chosen:
            button.focus()
            page.keyboard.press("Enter")
        chosen.value.set_files(image(face(person)))
    page.wait_for_selector("#compare-answer .verdict.different")
    why = page.get_by_role("button", name="Show what drives it")
    why.focus()
    page.keyboard.press("Space")
    page.wait_for_selector("#compare .heat img >> nth=1")


def test_a_picture_is_pasted_dropped_and_taken_with_the_camera(visit: Any, face: Face) -> None:
    page = visit().open()
    give = """([content, kind, target]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(content)], 'x.png', {type: 'image/png'}));
        const up = {bubbles: true, cancelable: true};
        const event = kind === 'paste' ? new ClipboardEvent('paste', {clipboardData: data, ...up})
          : new DragEvent('drop', {dataTransfer: data, ...up});
        document.querySelector(target).dispatchEvent(event);
    }"""
    page.evaluate(give, [list(face(0)), "paste", "body"])
    page.evaluate(give, [list(face(0)), "drop", "#compare .pick:nth-child(2)"])
    page.wait_for_selector("#compare-answer .verdict.same")
    second = page.get_by_role("group", name="Second picture")
    second.get_by_role("button", name="Camera").click()
    until(page, "document.querySelector('#compare video')?.videoWidth > 0")
    second.get_by_role("button", name="Take it").click()
    page.wait_for_selector("#compare-answer .verdict.different")


def test_people_are_enrolled_recognised_listed_and_forgotten_after_a_question(visit: Any, face: Face) -> None:
    page = visit(gallery="g", keep_originals=True).open("gallery")
    evil = "<img src=x onerror=alert(1)>"
    for person, name in ((3, "Ada"), (5, evil)):
        page.get_by_label("Name", exact=True).fill(name)
        inputs(page, "gallery").nth(1).set_input_files([image(face(person, i)) for i in range(2)])
        page.get_by_role("button", name="Enrol").click()
        page.get_by_text(f"{name} is enrolled with 2 pictures.").wait_for()
    inputs(page, "gallery").nth(0).set_input_files(image(face(3, 3)))
    page.wait_for_selector("#gallery-answer .verdict.same")
    assert page.inner_text("#gallery-answer .verdict") == "Ada"
    tiles = page.locator("#gallery-answer .sheet li")
    assert tiles.count() == 2
    assert evil in tiles.nth(1).inner_text()
    page.reload()
    page.wait_for_selector("#enrolled table")
    inputs(page, "gallery").nth(0).set_input_files(image(face(3, 3)))
    until(page, "document.querySelectorAll('#gallery-answer img.thumb').length === 2")  # from the server now
    forget = page.get_by_role("button", name="Forget Ada")
    forget.click()
    page.get_by_role("button", name="Keep").click()
    assert page.locator("#enrolled tbody tr").count() == 2
    forget.click()
    page.locator("#ask-dialog").get_by_role("button", name="Forget").click()
    until(page, "document.querySelectorAll('#enrolled tbody tr').length === 1")
    assert evil in page.inner_text("#enrolled")


def stroke(page: Any, canvas: Any, points: list[tuple[float, float]]) -> None:
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def test_drawn_characters_are_recognised_when_they_are_drawn_again(visit: Any) -> None:
    page = visit().open("draw")
    teach, probe = page.locator("#draw canvas").nth(0), page.locator("#draw canvas").nth(1)
    shapes = {"ell": [(0.3, 0.15), (0.3, 0.85), (0.75, 0.85)], "bar": [(0.1, 0.2), (0.9, 0.2)],
              "zed": [(0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8)]}  # fmt: skip
    for name, points in shapes.items():
        stroke(page, teach, points)
        page.get_by_label("Its name").fill(name)
        page.get_by_role("button", name="Add").click()
        page.get_by_text(f"{name} is learned.").wait_for()
    stroke(page, probe, [(x + 0.01, y - 0.01) for x, y in shapes["zed"]])
    page.wait_for_selector("#draw-answer .bars")
    assert page.locator("#draw-answer .bars span:first-child").first.inner_text() == "zed"
    page.get_by_role("button", name="Remove zed").click()
    until(page, "document.querySelectorAll('#examples li').length === 2")
    until(page, "!document.querySelector('#draw-answer .bars').innerText.includes('zed')")


def test_two_texts_show_the_passages_they_share_and_lead_from_one_to_the_other(visit: Any) -> None:
    page = visit().open("texts")
    page.get_by_label("First text").fill(TEXT)
    page.get_by_label("Second text").fill(f"Nobody knows who built it. {TEXT} <b>Today</b> it is a car park.")
    page.get_by_role("button", name="Compare").click()
    page.wait_for_selector("#texts-answer mark")
    assert page.inner_text("#texts-answer .verdict") == "They share text"
    assert "<b>Today</b>" in page.inner_text("#texts-answer")
    page.locator("#a1").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "b1"


def test_the_model_tab_shows_card_threshold_and_calibration(visit: Any, twins: Any) -> None:
    page = visit().open("model")
    page.wait_for_selector("#model path.curve")
    shown = page.inner_text("#model")
    assert twins.fingerprint in shown
    assert "Model card" in shown
    assert "Verdicts that flip" in shown
    assert "**" not in shown


def test_a_server_without_a_gallery_says_so(visit: Any) -> None:
    page = visit().open("gallery")
    page.get_by_text("This server has no gallery").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_s_width_is_enough_and_the_dark_is_dark(visit: Any, face: Face, scheme: str) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "color_scheme": scheme, "has_touch": True, "is_mobile": True}
    page = visit(context=phone, gallery="g").open()
    inputs(page, "compare").nth(0).set_input_files(image(face(0, 0)))
    inputs(page, "compare").nth(1).set_input_files(image(face(0, 1)))
    page.wait_for_selector("#compare-answer .verdict")
    for tab in TABS:
        page.locator(f"#tab-{tab}").click()
        page.wait_for_selector(f"#{tab}:not([hidden])")
        until(page, f"document.querySelector('#{tab}').childElementCount > 0")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, tab
        unnamed = page.evaluate(
            """() => [...document.querySelectorAll('button, input:not([hidden]), textarea, select, canvas, img')]
            .filter((e) => e.offsetParent && !(e.innerText || e.getAttribute('aria-label') || e.labels?.length
                || e.hasAttribute('alt'))).map((e) => e.outerHTML)"""
        )
        assert unnamed == [], tab
        small = page.evaluate(
            "[...document.querySelectorAll('button')].filter((e) => e.offsetParent && e.offsetHeight < 24).length"
        )
        assert small == 0, tab
    light = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)")
    assert (sum(light) > 600) == (scheme == "light")


def test_words_stand_out_from_their_ground_in_light_and_dark(visit: Any) -> None:
    """WCAG 2.2 asks for a contrast of 4.5; every colour that text has here, on both grounds."""
    for scheme in ("light", "dark"):
        page = visit(context={"color_scheme": scheme}).open()
        colours = page.evaluate(
            """() => Object.fromEntries('ink soft paper card alike apart doubt mark'.split(' ').map((name) => {
                const probe = document.createElement('i');
                probe.style.color = `var(--${name})`;
                document.body.append(probe);
                return [name, getComputedStyle(probe).color.match(/\\d+/g).slice(0, 3).map(Number)];
            }))"""
        )

        def luminance(rgb: list[int]) -> float:
            parts = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
            return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

        for text in ("ink", "soft", "alike", "apart", "doubt", "mark"):
            for ground in ("paper", "card"):
                high, low = sorted([luminance(colours[text]), luminance(colours[ground])], reverse=True)
                assert (high + 0.05) / (low + 0.05) >= 4.5, (scheme, text, ground)


def test_a_key_is_asked_for_and_kept_in_this_tab_alone(visit: Any, face: Face, tmp_path: Path) -> None:
    token = add_key(tmp_path / "k", "me", ["read"])
    visited = visit(keys=tmp_path / "k", gallery="g")
    page = visited.open("model")
    page.get_by_label("Key", exact=True).fill(token)
    page.get_by_role("button", name="Use it").click()
    page.wait_for_selector("#model .facts")
    assert "You may\nread" in page.inner_text("#model")
    page.reload()
    page.wait_for_selector("#model .facts")  # not asked again
    page.locator("#tab-gallery").click()
    page.get_by_label("Name", exact=True).fill("Ada")
    inputs(page, "gallery").nth(1).set_input_files(image(face(0)))
    page.get_by_role("button", name="Enrol").click()
    page.get_by_text("This takes a key with the scope enrol.").wait_for()
    other = visited.context.new_page()
    other.goto(visited.origin)
    other.wait_for_selector("#key-dialog[open]")
    assert page.evaluate("document.cookie + JSON.stringify(localStorage)") == "{}"
    refused = [one for one in visited.complaints if "401" in one or "403" in one]  # what the browser itself notes
    assert refused == visited.complaints
    visited.complaints.clear()


def test_what_goes_wrong_is_told_in_words_with_a_next_step(visit: Any, face: Face) -> None:
    visited = visit()
    page = visited.open()
    inputs(page, "compare").nth(0).set_input_files({"name": "x.png", "mimeType": "image/png", "buffer": b"no picture"})
    inputs(page, "compare").nth(1).set_input_files(image(face(0)))
    page.get_by_role("alert").get_by_text("is not an image of a known format").wait_for()
    assert "Send PNG, JPEG or WebP." in page.inner_text("#compare-answer")
    assert all("415" in one for one in visited.complaints)
    visited.complaints.clear()
