"""Plagiarism: what documents share, where, and how likely one was copied from another."""

from twinnet.apps.plagiarism.found import Cluster, Found, Match
from twinnet.apps.plagiarism.judge import Judge, default_judge, read_judge
from twinnet.apps.plagiarism.run import Options, compare_documents, compare_two, find_plagiarism

__all__ = [
    "Cluster",
    "Found",
    "Judge",
    "Match",
    "Options",
    "compare_documents",
    "compare_two",
    "default_judge",
    "find_plagiarism",
    "read_judge",
]
