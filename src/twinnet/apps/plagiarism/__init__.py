"""Plagiarism: what two documents share, and where."""
