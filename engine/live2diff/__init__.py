"""Live2Diff's stream: causal attention over a ring per noise level (arXiv:2407.08701)."""

from engine.live2diff.stream import Live2Diff

__all__ = ["Live2Diff"]
