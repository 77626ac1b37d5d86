"""3 The twin: one set of weights, used on both sides.

`build("resnet", channels=1, dim=64)` gives an encoder that turns `(B, C, H, W)` images of any size into `(B, dim)`
embeddings. The registry is one plain dict; your own encoder needs only `forward` and `dim`. Pre-trained backbones come
through `adapters`.
"""

from twinnet.encoders.embed import Embedder
from twinnet.encoders.registry import ENCODERS, EncoderSpec, adapt, build, check_name, embedder
from twinnet.encoders.twin import embed_both

__all__ = ["ENCODERS", "Embedder", "EncoderSpec", "adapt", "build", "check_name", "embed_both", "embedder"]
