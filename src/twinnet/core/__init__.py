"""The words: types, errors, seeds, progress. Imports nothing of twinnet, and no torch."""
