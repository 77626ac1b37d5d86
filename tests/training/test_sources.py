"""A turned or mirrored block of a batch is other identities; its pictures are turned together."""

import numpy as np
import pytest

import twinnet
from twinnet.data import Preprocess, load
from twinnet.pairs import PKSampler
from twinnet.training.source import StoredIdentities

DRAWN = np.random.default_rng(0).integers(0, 255, (24, 9, 9), np.uint8)


@pytest.mark.parametrize(
    ("turns", "mirror", "kinds"), [(False, False, 1), (True, False, 4), (False, True, 2), (True, True, 8)]
)
def test_each_kind_of_a_block_has_labels_of_its_own(turns: bool, mirror: bool, kinds: int) -> None:
    data = twinnet.from_arrays(DRAWN, np.arange(24) // 3, groups=np.arange(24) // 12)
    store = load(data, Preprocess(9, 9, 1))
    assert data.identities is not None
    sampler = PKSampler(data.identities, 4, 3, seed=1, groups=data.groups, blocks=2)
    source = StoredIdentities(store, sampler, turns=turns, mirror=mirror)
    assert source.n_classes == 8 * kinds
    found: set[int] = set()
    for step in range(40):
        chosen, batch = sampler.batch(step), source.batch(step)
        labels = np.asarray(batch.relation)
        assert np.array_equal(labels // kinds, chosen.labels)
        for block in np.unique(chosen.block):
            ours = chosen.block == block
            (kind,) = set((labels[ours] % kinds).tolist())  # a block is turned as a whole
            expected = np.rot90(store.images(chosen.items[ours]), kind % (4 if turns else 1), axes=(1, 2))
            if mirror and kind >= kinds // 2:
                expected = expected[:, :, ::-1]
            assert np.array_equal(batch.images[ours], expected)
            found.add(kind)
    assert found == set(range(kinds))
