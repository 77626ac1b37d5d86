"""Rooms below the network stay instant, and a room never hides a public name."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("room", ["core", "data", "decide", "evaluation", "gallery", "index", "page"])
def test_rooms_below_the_network_load_no_torch(room: str) -> None:
    program = f"import sys, twinnet.{room}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_train_is_a_function_also_after_its_room_was_imported() -> None:
    import twinnet.training.run

    assert callable(twinnet.train)
