"""A trained model as one ONNX file, float and int8, with a certificate that it still decides as before."""

from twinnet.apps.export.detector import export_detector, is_detector
from twinnet.apps.export.parity import TOLERANCE, Parity, ParityError
from twinnet.apps.export.run import INT8_FLIPS, export, exported_bytes

__all__ = [
    "INT8_FLIPS",
    "TOLERANCE",
    "Parity",
    "ParityError",
    "export",
    "export_detector",
    "exported_bytes",
    "is_detector",
]
