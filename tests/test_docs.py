"""What the README and the docs say is run."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import twinnet
from twinnet.cli.main import app
from twinnet.cli.reference import reference

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`people/` and `others/` as in the README, of digits: six identities to train on and four others."""
    data = twinnet.digits()
    for label, rows in data.by_identity().items():
        name = data.identity_names[label]
        folder = tmp_path / ("people" if int(name) < 6 else "others") / name
        folder.mkdir(parents=True)
        for i in rows[:20]:
            Image.fromarray(data.read(int(i))[:, :, 0]).resize((16, 16)).save(folder / f"{i}.png")
    for name in "ab":
        Image.fromarray(np.full((16, 16), 128, np.uint8)).save(tmp_path / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def block(language: str, containing: str) -> str:
    found = [text for text in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL) if containing in text]
    assert len(found) == 1
    return str(found[0])


def test_the_python_of_the_readme_runs(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = block("python", "twinnet.train")
    assert len([line for line in code.splitlines() if line.strip()]) <= 8
    quick = code.replace("minutes=10", "steps=3, validation_share=0, calibration_share=0")
    assert quick != code
    exec(compile(quick, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "True" in printed  # two equal images are the same
    assert (folders / "people.twin").exists()


def test_the_commands_of_the_readme_run_in_order(folders: Path) -> None:
    for line in block("sh", "twinnet train").splitlines():
        words = line.replace("--minutes 10", "--steps 3 --validation 0 --calibration 0").split()
        result = CliRunner().invoke(app, words[1:])
        assert result.exit_code == 0, f"{line}: {result.output} {result.exception}"
    assert (folders / "report.html").stat().st_size > 10_000
    assert (folders / "others.parquet").exists()


def test_the_doctor_and_the_gallery_of_the_readme_run_in_order(folders: Path) -> None:
    data = twinnet.open_dataset("people")
    model = twinnet.train(data, twinnet.TrainConfig(steps=3, validation_share=0, calibration_share=0))
    twinnet.calibrate(model, "others").save("people.twin")
    for line in block("sh", "twinnet doctor").splitlines():
        result = CliRunner().invoke(app, shlex.split(line, comments=True)[1:])
        assert result.exit_code == 0, f"{line}: {result.output} {result.exception}"
    assert (folders / "known" / "record.sqlite").exists()
    with twinnet.Gallery.open("known") as known:
        assert len(known.names) == 4  # the four of others/; Ada was forgotten


def test_the_two_commands_stand_at_the_top_of_the_readme() -> None:
    assert README.index("make demo") < README.index("make test") < 700


def test_the_command_reference_is_up_to_date() -> None:
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == reference()


def test_links_in_the_docs_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
