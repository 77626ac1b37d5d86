"""The exception tree: every error twinnet raises on purpose names the item, the fact and the next step."""

from __future__ import annotations


class TwinnetError(Exception):
    """Base of all errors that a user can act on. The command line prints its text and exits with 2."""


class ConfigError(TwinnetError):
    """A setting is unknown, out of range, or contradicts another one."""


class MissingExtra(TwinnetError):
    """An optional dependency is not installed; the text gives the `pip install` line."""


class DataError(TwinnetError):
    """The data cannot be used as it is."""


class UnreadableItem(DataError):
    """One item could not be decoded. Readers of many items skip, count and list it instead of raising."""

    def __init__(self, item: str, reason: str) -> None:
        super().__init__(f"{item}: {reason}")
        self.item = item
        self.reason = reason


class EmptyDataset(DataError):
    """There is nothing to read, or nothing of it could be read."""


class TooFewIdentities(DataError):
    """A split, a batch or an episode needs more identities, or more items of each, than there are."""


class LeakError(DataError):
    """The same content stands on both sides of a split that must be disjoint."""


class CalibrationError(TwinnetError):
    """A threshold or a probability cannot be learned from these distances."""


class TooFewImpostors(CalibrationError):
    """The asked false-accept rate cannot be supported by the number of impostor pairs."""


class NotCalibrated(CalibrationError):
    """A decision was asked of a model that has no threshold yet."""


class ModelFileError(TwinnetError):
    """A model file is damaged, foreign, or newer than this program."""


class TrainingError(TwinnetError):
    """Training stopped itself: the text says why and what to change."""


class GalleryError(TwinnetError):
    """A gallery cannot be read, or not changed, as asked."""


class GalleryBusy(GalleryError):
    """Somebody else writes to the gallery, for longer than was waited."""


class GalleryFull(GalleryError):
    """The disk took no more; nothing of the change was kept, and what was acknowledged before is whole."""


class GalleryAway(GalleryError):
    """The server that keeps the gallery does not answer. A write that was under way may or may not have been made."""


class GalleryDamaged(GalleryError):
    """The record of a gallery is not whole. The index never raises this: it is rebuilt from the record."""


class NotEnrolled(GalleryError):
    """The identity is not in the gallery."""


class ServerError(TwinnetError):
    """A server answered with a problem. `code` is stable; `request_id` is what its operator looks for in the log."""

    def __init__(self, text: str, code: str, status: int = 0, request_id: str = "") -> None:
        super().__init__(text)
        self.code, self.status, self.request_id = code, status, request_id


class WrongKey(GalleryError):
    """An encrypted gallery was opened without its key, or with another."""


class WrongModel(GalleryError):
    """The gallery holds embeddings of another model, with which this one's cannot be compared."""
