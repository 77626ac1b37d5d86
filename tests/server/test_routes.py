"""What each route answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from served_pictures import png

from twinnet import Model
from twinnet.engine import Engine

Face = Callable[..., bytes]


def test_two_images_are_the_same_or_different_as_the_model_says(standing: Any, face: Face, twins: Model) -> None:
    http = standing.http
    for other in ((0, 1), (1, 0)):
        said = http.post("/v1/verify", files={"first": face(0, 0), "second": face(*other)})
        assert said.status_code == 200, said.text
        answer, meant = said.json(), twins.verify(face(0, 0), face(*other))
        assert answer["same"] == meant.same
        assert answer["distance"] == pytest.approx(meant.distance, abs=1e-5)
        assert answer["threshold"] == meant.threshold
        assert answer["probability"] == pytest.approx(meant.probability, abs=1e-4)
        assert answer["far"]["low"] <= answer["far"]["value"] <= answer["far"]["high"]
        assert answer["model"] == twins.fingerprint
    assert twins.verify(face(0, 0), face(0, 1)).same
    assert not twins.verify(face(0, 0), face(1, 0)).same


def test_an_explanation_comes_as_pictures(standing: Any, face: Face) -> None:
    files = {"first": face(0), "second": face(1)}
    answer = standing.http.post("/v1/verify", files=files, data={"explain": "true"}).json()
    for part in ("first", "second"):
        assert answer["explanation"][part]["overlay"].startswith("data:image/")
        assert answer["explanation"][part]["picture"].startswith("data:image/")


def test_embeddings_are_those_of_the_model_and_one_bad_image_stops_no_other(
    standing: Any, face: Face, twins: Model
) -> None:
    files = [("images", content) for content in (face(0), b"no image", face(1))]
    answer = standing.http.post("/v1/embed", files=files).json()
    first, bad, last = answer["items"]
    found = np.array([first["embedding"], last["embedding"]])
    np.testing.assert_allclose(found, twins.embed([face(0), face(1)]), atol=1e-5)
    assert bad["embedding"] is None
    assert bad["problem"].startswith("unsupported_format: images[1]")
    assert answer["dim"] == 16


def test_who_is_enrolled_is_recognised_listed_verified_and_forgotten(talk: Any, face: Face) -> None:
    http = talk(gallery="g").http
    apart = [3, 5, 6]  # these three are not alike to random weights
    for person, who in enumerate(apart):
        files = [("images", face(who, i)) for i in range(2)]
        data = {"identity": f"Ada {person} / ä", "metadata": json.dumps({"town": "Ulm" if person else "Jena"})}
        said = http.post("/v1/identities", files=files, data=data)
        assert said.status_code == 201, said.text
        assert said.json() == {"identity": f"Ada {person} / ä", "items": 2, "templates": 1}
    listed = http.get("/v1/identities", params={"offset": 1, "limit": 1}).json()
    assert (listed["total"], [one["identity"] for one in listed["identities"]]) == (3, ["Ada 1 / ä"])
    match = http.post("/v1/identify", files={"image": face(apart[1], 3)}).json()
    assert [one["identity"] for one in match["matches"]] == ["Ada 1 / ä"]
    assert match["identities"] == 3
    assert match["matches"][0]["metadata"] == {"town": "Ulm"}
    nobody = png(np.pad(np.full((6, 6), 255, np.uint8), 5))
    assert http.post("/v1/identify", files={"image": nobody}).json()["matches"] == []
    found = http.post("/v1/search", files={"image": face(5)}, data={"k": "3"}).json()["matches"]
    assert len(found) == 3
    assert [one["distance"] for one in found] == sorted(one["distance"] for one in found)
    only = http.post("/v1/search", files={"image": face(5)}, data={"where": '{"town": "Jena"}'}).json()["matches"]
    assert [one["identity"] for one in only] == ["Ada 0 / ä"]
    for person in (0, 1):
        claim = {"identity": f"Ada {person} / ä"}
        said = http.post("/v1/verify", files={"first": face(apart[1], 3)}, data=claim).json()
        assert said["same"] == (person == 1)
    one = http.get("/v1/identities/Ada 1 %2F ä").json()
    assert (one["items"], one["metadata"], one["picture"]) == (2, {"town": "Ulm"}, False)
    gone = http.delete("/v1/identities/Ada 1 / ä").json()
    assert gone == {"identity": "Ada 1 / ä", "templates": 1, "erased": True}
    for said in (http.delete("/v1/identities/Ada 1 / ä"), http.get("/v1/identities/Ada 1 / ä")):
        assert (said.status_code, said.json()["code"]) == (404, "not_enrolled")
    assert http.post("/v1/identify", files={"image": face(apart[1], 3)}).json()["matches"] == []


def test_a_gallery_of_the_command_line_is_served_and_the_other_way_round(
    talk: Any, face: Face, twins: Model, tmp_path: Any
) -> None:
    from twinnet import Gallery

    with Gallery.create(tmp_path / "g", twins) as known:
        known.enrol("Ada", [face(2, 0)])
        http = talk(gallery="g").http
        assert http.post("/v1/identify", files={"image": face(2, 1)}).json()["matches"][0]["identity"] == "Ada"
        http.post("/v1/identities", files={"images": face(3)}, data={"identity": "Bo"})
        assert known.names == ["Ada", "Bo"]
        assert known.identify(face(3, 1))[0].identity == "Bo"


def test_enrolment_is_all_or_nothing(standing: Any, face: Face) -> None:
    http = standing.http
    files = [("images", face(0)), ("images", face(0)[:60])]
    said = http.post("/v1/identities", files=files, data={"identity": "Ada"})
    assert said.json()["code"] == "unreadable_image"
    assert said.json()["detail"].startswith("images[1]: ")
    assert http.get("/v1/identities").json()["total"] == 0


def test_pictures_are_drawn_anew_and_only_where_they_are_kept(talk: Any, face: Face, faces: np.ndarray) -> None:
    polyglot = face(0) + b"<script>alert(1)</script>"
    for name, keep in (("kept", True), ("not", False)):
        http = talk(gallery=name, keep_originals=keep).http
        http.post("/v1/identities", files={"images": polyglot}, data={"identity": "Ada"})
        said = http.get("/v1/picture", params={"identity": "Ada"})
        if keep:
            assert said.headers["content-type"] == "image/jpeg"
            assert said.content[:2] == b"\xff\xd8"
            assert b"script" not in said.content
        else:
            assert said.json()["code"] == "no_picture"


def test_drawn_characters_are_read_from_one_example_of_each(standing: Any, face: Face) -> None:
    files = [("examples", face(person)) for person in range(3)] + [("image", face(1, 2))]
    answer = standing.http.post("/v1/read", files=files, data={"names": ["ka", "ga", "na"]}).json()
    assert answer["ranking"][0]["name"] == "ga"
    assert not answer["unknown"]
    assert len(answer["ranking"]) == 3
    several = [("examples", face(p, i)) for p in range(2) for i in range(2)] + [
        ("image", png(np.pad(np.full((6, 6), 255, np.uint8), 5)))
    ]
    strange = standing.http.post("/v1/read", files=several, data={"names": ["a", "a", "b", "b"]}).json()
    assert strange["unknown"]
    assert len(strange["ranking"]) == 2


def test_the_reading_rule_of_a_model_gives_probabilities(talk: Any, face: Face, twins: Model, tmp_path: Any) -> None:
    from dataclasses import replace

    from twinnet.apps.export import export

    rule = {"temperature": 0.05, "unknown_from": 0.5, "ece": None, "refused": 0.05, "taken": 0.1, "probes": 9,
            "learned_on": "test"}  # fmt: skip
    export(replace(twins, facts={"reading": rule}), tmp_path / "m.onnx")
    files = [("examples", face(person)) for person in range(3)] + [("image", face(1, 2))]
    answer = talk(model=tmp_path / "m.onnx").http.post("/v1/read", files=files, data={"names": ["a", "b", "c"]}).json()
    assert sum(guess["probability"] for guess in answer["ranking"]) == pytest.approx(1)
    assert answer["ranking"][0]["name"] == "b"


TEXT = (
    "The harbour lies in a bay that opens to the west, and every evening the fishing boats come home in one long line "
    "while the children count their lights from the wall above the quay."
)


def test_texts_are_compared_with_the_passages_they_share(standing: Any) -> None:
    other = f"Nobody remembers who built the wall. {TEXT} Today it is a car park."
    answer = standing.http.post("/v1/texts/compare", json={"first": TEXT, "second": other}).json()
    assert answer["copied"]["same"]
    assert answer["meaning"] is None
    for side, text in (("first", TEXT), ("second", other)):
        assert "".join(piece["text"] for piece in answer["copied"][side]) == text
        assert {piece["passage"] for piece in answer["copied"][side]} >= {1}
    different = {"first": TEXT, "second": "Colourless green ideas sleep furiously beside an old stone bridge in May."}
    assert not standing.http.post("/v1/texts/compare", json=different).json()["copied"]["same"]


def test_source_code_is_compared_as_code(standing: Any) -> None:
    import inspect

    from twinnet.decide import spread

    code = inspect.getsource(inspect.getmodule(spread))
    renamed = code.replace("distances", "d").replace("values", "numbers").replace("above", "after")
    texts = {"first": code, "second": renamed, "language": "py"}
    answer = standing.http.post("/v1/texts/compare", json=texts).json()["copied"]
    assert answer["same"]
    assert answer["share_first"] > 0.5
    odd = standing.http.post("/v1/texts/compare", json={**texts, "language": "zzz"}).json()
    assert odd["code"] == "invalid"


def test_text_twins_say_whether_two_texts_mean_the_same(talk: Any, tmp_path: Any) -> None:
    from twinnet.apps.texts import TextPairs, train_texts

    words = ["red", "green", "blue", "cold", "warm", "high", "low", "old", "new", "small"]
    first = [
        f"a {a} house by the {b} sea number {i}" for i, (a, b) in enumerate(zip(words * 4, words[1:] * 5, strict=False))
    ]
    second = [
        f"by the sea stands a house {text[2:9]}" if i % 2 else "nothing of the kind here"
        for i, text in enumerate(first)
    ]
    train_texts(TextPairs(tuple(first), tuple(second), np.arange(len(first)) % 2.0)).save(tmp_path / "t.twin")
    http = talk(texts=tmp_path / "t.twin").http
    same = http.post("/v1/texts/compare", json={"first": first[1], "second": second[1]}).json()["meaning"]
    apart = http.post("/v1/texts/compare", json={"first": first[2], "second": second[2]}).json()["meaning"]
    assert same["distance"] < apart["distance"]
    assert http.get("/v1/model").json()["offers"]["meaning"]


def test_the_card_says_what_is_served_and_shows_no_folder(talk: Any, twins: Model, exported: Any) -> None:
    http = talk(gallery="g").http
    card = http.get("/v1/model").json()
    assert card["fingerprint"] == twins.fingerprint
    assert card["rule"]["threshold"] == twins.known_rule.threshold
    assert len(card["spread"]["genuine"]) == 101
    assert card["offers"] == {"gallery": True, "detector": False, "meaning": False, "reading": False, "pictures": False}
    assert card["parity"]["flipped"] == 0
    assert card["curve"][0][1] > card["curve"][-1][1]
    assert card["limits"]["items"] == 64
    assert str(exported.parent) not in json.dumps(card)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("12 items of /home/ada/data/people", "12 items of people"), ("C:\\data\\x.zip and 1/2", "x.zip and 1/2"),
     ("rates 0.1/0.2, see a/b", "rates 0.1/0.2, see a/b")],
)  # fmt: skip
def test_folders_are_cut_from_texts(text: str, shown: str) -> None:
    from twinnet.server.routes.state import without_folders

    assert without_folders(text) == shown


def test_what_a_server_was_not_given_is_said_by_name(talk: Any, face: Face) -> None:
    http = talk().http
    for said, code in (
        (http.post("/v1/identify", files={"image": face(0)}), "no_gallery"),
        (http.get("/v1/identities"), "no_gallery"),
        (http.post("/v1/anomaly", files={"image": face(0)}), "no_detector"),
        (http.get("/nothing"), "not_found"),
        (http.put("/v1/verify"), "method_not_allowed"),
        (http.post("/v1/verify", files={"first": face(0)}), "invalid"),
        (http.post("/v1/verify", files={"first": face(0), "second": face(1)}, data={"identity": "x"}), "invalid"),
        (http.post("/v1/verify", json={"first": "/etc/passwd"}), "invalid"),
        (http.post("/v1/verify"), "invalid"),
        (http.post("/v1/embed", files={"images": b""}), None),
        (http.post("/v1/texts/compare", content=b'{"first": NaN, "second": "x"}'), "invalid"),
        (http.post("/v1/texts/compare", json={"first": " \n", "second": "x"}), "invalid"),
    ):
        if code is None:
            assert said.json()["items"][0]["problem"].startswith("unreadable_image")
            continue
        body = said.json()
        assert body["code"] == code, said.text
        assert said.headers["content-type"] == "application/problem+json"
        assert body["status"] == said.status_code
        assert body["next"]
        assert body["request_id"] == said.headers["x-request-id"]


def test_a_model_without_a_threshold_ranks_and_does_not_decide(
    talk: Any, face: Face, twins: Model, tmp_path: Any
) -> None:
    from twinnet.apps.export import export

    export(twins.with_rule(None), tmp_path / "plain.onnx")
    http = talk(model=tmp_path / "plain.onnx", gallery="g").http
    http.post("/v1/identities", files={"images": face(0)}, data={"identity": "Ada"})
    said = http.post("/v1/verify", files={"first": face(0), "second": face(1)})
    assert (said.status_code, said.json()["code"]) == (409, "not_calibrated")
    assert http.post("/v1/identify", files={"image": face(0)}).json()["code"] == "not_calibrated"
    match = http.post("/v1/search", files={"image": face(0)}).json()["matches"][0]
    assert (match["threshold"], match["same"]) == (None, False)
    assert http.get("/v1/model").json()["rule"] is None


@pytest.mark.parametrize(
    ("name", "status"), [("..", 422), (" ", 422), ("a\x00b", 422), ("a\nb", 422), ("x" * 201, 422)]
)
def test_names_that_nobody_could_ask_for_again_are_refused(standing: Any, face: Face, name: str, status: int) -> None:
    http = standing.http
    said = http.post("/v1/identities", files={"images": face(0)}, data={"identity": name})
    assert said.status_code == status


@pytest.mark.parametrize(
    "metadata", ["[1]", '{"a": {"b": 1}}', '{"a": NaN}', "{" * 3000, '{"a": "' + "x" * 1001 + '"}']
)
def test_metadata_that_is_no_flat_object_is_refused(standing: Any, face: Face, metadata: str) -> None:
    http = standing.http
    said = http.post("/v1/identities", files={"images": face(0)}, data={"identity": "Ada", "metadata": metadata})
    assert (said.status_code, said.json()["code"]) == (422, "invalid")


def test_jpeg_and_webp_are_read_and_other_formats_are_not(standing: Any, faces: np.ndarray) -> None:
    http, image = standing.http, faces[0, 0]
    for kind, code in (("JPEG", 200), ("WEBP", 200), ("PNG", 200), ("BMP", 415), ("GIF", 415), ("TIFF", 415)):
        said = http.post("/v1/verify", files={"first": png(image, kind), "second": png(image)})
        assert said.status_code == code, kind


def test_the_engine_that_is_served_is_the_exported_one(exported: Any, twins: Model) -> None:
    assert Engine(exported).fingerprint == twins.fingerprint
