"""The image and the compose file, as far as they can be judged where no engine runs them."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shlex
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

import pytest
import typer.main
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from twinnet.cli.main import app

yaml = pytest.importorskip("yaml")
ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SERVES = (
    "fastapi", "uvicorn", "httptools", "uvloop", "python-multipart", "prometheus-client", "onnxruntime", "numpy",
    "scipy", "pillow", "safetensors", "typer", "rich", "pygments", "faiss-cpu", "threadpoolctl", "cryptography",
)  # fmt: skip
Steps = list[tuple[str, str]]


def pins(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if "==" in line]
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


def needed(names: Sequence[str]) -> set[str]:
    """With all that they need in turn, as their own metadata says."""
    found, todo = set[str](), list(names)
    while todo:
        if (name := canonicalize_name(todo.pop())) in found:
            continue
        found.add(name)
        asked = [Requirement(text) for text in importlib.metadata.requires(name) or []]
        todo += [one.name for one in asked if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


def test_what_the_image_installs_is_all_that_serving_needs_as_it_was_tested() -> None:
    serving, milvus = pins(DEPLOY / "requirements.txt"), pins(DEPLOY / "requirements-milvus.txt")
    assert set(serving) == needed(SERVES)
    assert set(milvus) == needed(["pymilvus"]) - set(serving)
    tested = pins(ROOT / "constraints.txt")
    assert {**serving, **milvus} == {name: tested[name] for name in (*serving, *milvus)}
    assert not {"torch", "scikit-learn", "matplotlib"} & {*serving, *milvus}


@pytest.fixture(scope="module")
def stages() -> list[Steps]:
    """The instructions of each stage of the Dockerfile."""
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text())
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found: list[Steps] = []
    for word, rest in lines:
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


def of(steps: Steps, word: str) -> list[str]:
    return [rest for found, rest in steps if found == word]


def test_the_image_is_built_in_one_stage_and_runs_in_another_as_nobody_in_particular(stages: list[Steps]) -> None:
    assert len(stages) == 2
    assert all(re.fullmatch(r"python:3\.\d+-slim( AS build)?", base) for steps in stages for base in of(steps, "FROM"))
    last = stages[-1]
    assert of(last, "USER") == ["10001:10001"]
    assert [word for word, _ in last].index("USER") > max(i for i, (word, _) in enumerate(last) if word == "RUN")
    assert all("pip" not in run for run in of(last, "RUN"))  # no tool for building in what runs
    assert of(last, "STOPSIGNAL") == ["SIGTERM"]
    assert of(last, "HEALTHCHECK")
    words = {word for steps in stages for word, _ in steps}
    assert words <= {"FROM", "ARG", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK",
                     "STOPSIGNAL", "ENTRYPOINT", "CMD"}  # fmt: skip
    text = (DEPLOY / "Dockerfile").read_text()
    assert not re.search(r"(?i)curl|wget|https?://(?!127\.0\.0\.1)|password|token|--break-system|sudo", text)


def test_what_is_copied_is_there_and_nothing_else_is_sent_to_the_engine(stages: list[Steps]) -> None:
    rules = (ROOT / ".dockerignore").read_text().split()
    assert rules[0] == "*"
    let_in = [rule[1:] for rule in rules if rule.startswith("!")]
    for copied in of(stages[0], "COPY"):
        *sources, _ = copied.split()
        for source in sources:
            assert (ROOT / source).exists(), source
            assert any(fnmatch(source, rule) for rule in let_in), source
    for rule in let_in:
        assert list(ROOT.glob(rule)), rule


def options_of_serve() -> set[str]:
    command = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    return {option for parameter in command.params for option in parameter.opts}


def test_the_image_s_command_and_the_compose_file_s_are_commands_of_ours(stages: list[Steps]) -> None:
    assert json.loads(of(stages[-1], "ENTRYPOINT")[0]) == ["twinnet", "serve"]
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for words in (json.loads(of(stages[-1], "CMD")[0]), compose["services"]["twinnet"]["command"]):
        assert {word for word in words if word.startswith("--")} <= options_of_serve()
        assert words[0].endswith(".onnx")
        assert words[words.index("--host") + 1] == "0.0.0.0"
        assert "--keys" in words
        for word in words:  # what is written lies on the one volume that can be written to
            assert not word.startswith("/") or word.startswith(("/model/", "/secrets/", "/data/"))


def test_the_compose_file_gives_away_no_right_that_serving_does_not_need(stages: list[Steps]) -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    twinnet, milvus = compose["services"]["twinnet"], compose["services"]["milvus"]
    assert twinnet["read_only"] is True
    assert twinnet["cap_drop"] == ["ALL"]
    assert twinnet["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in twinnet
    assert all(port.startswith("127.0.0.1:") for port in twinnet["ports"])
    assert "ports" not in milvus  # the gallery is nobody's but the server's
    assert all(volume.endswith(":ro") or volume == "data:/data" for volume in twinnet["volumes"])
    named = {volume.split(":")[0] for one in (twinnet, milvus) for volume in one["volumes"] if volume[0] != "."}
    assert named == set(compose["volumes"])
    assert set(twinnet["depends_on"]) <= set(compose["services"])
    assert re.fullmatch(r"milvusdb/milvus:v\d+\.\d+\.\d+", milvus["image"])
    asked = twinnet["build"]["args"]
    assert (DEPLOY / asked["REQUIREMENTS"]).exists()
    assert [name for name in asked if name not in {arg.split("=")[0] for arg in of(stages[0], "ARG")}] == []
    assert (DEPLOY / twinnet["build"]["context"] / twinnet["build"]["dockerfile"]).exists()
    assert re.findall(r"\$\{(\w+)", json.dumps(compose)) == ["TWINNET_MILVUS_TOKEN"]
    grace = int(twinnet["stop_grace_period"].rstrip("s"))
    from twinnet.server import Limits

    assert grace > Limits().drain_s  # killed only after it had the time that it takes for itself


def test_the_health_check_asks_what_the_server_answers(stages: list[Steps]) -> None:
    command = of(stages[-1], "HEALTHCHECK")[0].split("CMD", 1)[1]
    program = json.loads(command)[-1]
    compile(program, "healthcheck", "exec")
    assert "/readyz" in program
    assert shlex.split(of(stages[-1], "EXPOSE")[0]) == ["8000"]
