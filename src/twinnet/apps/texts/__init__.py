"""Twins for short texts: a shared encoder of n-grams, a learned comparison, a threshold."""

from twinnet.apps.texts.fields import NGrams
from twinnet.apps.texts.pairs import TextPairs, read_pairs
from twinnet.apps.texts.sentences import sentence_model
from twinnet.apps.texts.twins import TextTwins, load_texts, train_texts

__all__ = ["NGrams", "TextPairs", "TextTwins", "load_texts", "read_pairs", "sentence_model", "train_texts"]
