"""From a performance to an avatar's control points."""

from engine.retarget.idle import IdleActor, ease
from engine.retarget.motion import BodyMotion, Motion
from engine.retarget.retargeter import Retargeter
from engine.retarget.rig import AvatarRig
from engine.retarget.settings import DRAWN, HUMAN, PerformerGeometry, RetargetSettings

__all__ = [
    "DRAWN",
    "HUMAN",
    "AvatarRig",
    "BodyMotion",
    "IdleActor",
    "Motion",
    "PerformerGeometry",
    "RetargetSettings",
    "Retargeter",
    "ease",
]
