"""2 Who is compared with whom: batches of identities, pairs, triplets. Indices only, never pixels.

Miners choose inside a batch and are in `twinnet.pairs.miners`, apart because they need torch and nothing here does.
"""

from twinnet.pairs.batches import PKSampler, TupleSampler

__all__ = ["PKSampler", "TupleSampler"]
