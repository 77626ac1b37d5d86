"""3 The twin: one set of weights, used on both sides.

`build("resnet", channels=1, dim=64)` gives an encoder that turns `(B, C, H, W)` images of any size into `(B, dim)`
embeddings. The registry is one plain dict; your own encoder needs only `forward` and `dim`.
"""

from twinnet.encoders.embed import Embedder
from twinnet.encoders.registry import ENCODERS, EncoderSpec, build
from twinnet.encoders.twin import embed_both

__all__ = ["ENCODERS", "Embedder", "EncoderSpec", "build", "embed_both"]
