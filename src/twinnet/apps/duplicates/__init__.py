"""Which pictures of a folder are copies of each other: groups, at a threshold learned on the folder itself."""

from twinnet.apps.duplicates.groups import Group
from twinnet.apps.duplicates.page import write_report
from twinnet.apps.duplicates.run import Duplicates, find_duplicates
from twinnet.apps.duplicates.threshold import Threshold

__all__ = ["Duplicates", "Group", "Threshold", "find_duplicates", "write_report"]
