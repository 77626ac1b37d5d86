from __future__ import annotations

import os
from pathlib import Path

# Two workers with a pool of threads each would mostly wait for one another: this is up to seven times as fast.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

# The shapes in the signatures of these rooms are checked on every call while tests run.
install_import_hook(["twinnet.compare", "twinnet.encoders", "twinnet.losses"], "beartype.beartype")

settings.register_profile("steady", deadline=None)  # a first import or a busy machine is no failure
settings.load_profile("steady")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data kept beside the repository; tests that use it are skipped where it is not."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("TWINNET_SHARED_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set TWINNET_SHARED_DATA to its folder")
    return folder
