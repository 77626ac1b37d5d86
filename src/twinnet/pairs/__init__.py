"""2 Who is compared with whom: batches of identities, pairs, triplets. Indices only, never pixels."""

from twinnet.pairs.batches import PKSampler, TupleSampler

__all__ = ["PKSampler", "TupleSampler"]
