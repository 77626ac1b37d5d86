"""Tracking: one twin looks at the first frame and at the next ones, and finds its target again, or says it is lost."""

from twinnet.apps.track.calibrate import calibrate
from twinnet.apps.track.file import Tracker, load_tracker
from twinnet.apps.track.follow import Follower, Step
from twinnet.apps.track.judged import Evaluated, Judged, evaluate, ours
from twinnet.apps.track.learn import LearnConfig, learn, trained
from twinnet.apps.track.material import Material, gather
from twinnet.apps.track.run import Row, Tracked, track
from twinnet.apps.track.sequences import find_sequences, read_sequence
from twinnet.apps.track.settings import Settings

__all__ = [
    "Evaluated",
    "Follower",
    "Judged",
    "LearnConfig",
    "Material",
    "Row",
    "Settings",
    "Step",
    "Tracked",
    "Tracker",
    "calibrate",
    "evaluate",
    "find_sequences",
    "gather",
    "learn",
    "load_tracker",
    "ours",
    "read_sequence",
    "track",
    "trained",
]
