"""Faces: find and crop them, train twins on them, verify, enrol and identify people in whole photos.

Any function `image → list[Face]` is a detector; `yunet()` is the one that ships inside a package.
"""

from twinnet.apps.faces.crop import crop
from twinnet.apps.faces.face import Box, Detector, Face, Found, find
from twinnet.apps.faces.folder import CropNote, Cropped, crop_folder, read_note
from twinnet.apps.faces.liveness import Liveness, LivenessCheck
from twinnet.apps.faces.people import (
    Identified,
    Seen,
    Verified,
    detector_size,
    enrol_faces,
    identify_face,
    look,
    verify_faces,
)
from twinnet.apps.faces.training import face_config, train_faces
from twinnet.apps.faces.yunet import yunet

__all__ = [
    "Box",
    "CropNote",
    "Cropped",
    "Detector",
    "Face",
    "Found",
    "Identified",
    "Liveness",
    "LivenessCheck",
    "Seen",
    "Verified",
    "crop",
    "crop_folder",
    "detector_size",
    "enrol_faces",
    "face_config",
    "find",
    "identify_face",
    "look",
    "read_note",
    "train_faces",
    "verify_faces",
    "yunet",
]
