"""Frames in (a file, a folder, a camera), frames out (a file, pictures)."""

from twinnet.apps.track.video.reading import Video, open_video
from twinnet.apps.track.video.writing import Drawn, VideoWriter, draw_boxes

__all__ = ["Drawn", "Video", "VideoWriter", "draw_boxes", "open_video"]
