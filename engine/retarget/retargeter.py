"""``Retargeter``: performances of whoever is before the camera in, control points of one avatar out.

In: ``Performance`` (track). Out: ``Control`` (condition). Thread: one caller (the worker); ``calibrate`` and
the setters only replace references, so the window may call them between frames.
"""

from collections.abc import Sequence
from dataclasses import replace

from engine.retarget.calibration import Calibration, Neutral
from engine.retarget.mirror import mirror_motion
from engine.retarget.motion import Motion
from engine.retarget.reading import PerformanceReader
from engine.retarget.rig import AvatarRig
from engine.retarget.settings import RetargetSettings
from engine.types import Avatar, Control, Performance, TrackState


class Retargeter:
    """Drives one avatar.

    Args:
        avatar: Whom to move.
        settings: Mirror, gains and limits.

    Raises:
        ValueError: The avatar's points make no face.
    """

    def __init__(self, avatar: Avatar, settings: RetargetSettings | None = None) -> None:
        self._settings = settings or RetargetSettings()
        self._calibration = Calibration(self._settings.calibration_s, self._settings.performer)
        self._motion = Motion()
        self.rig = AvatarRig(avatar)
        self._reader = PerformanceReader(self.rig, self._settings)

    @property
    def neutral(self) -> Neutral:
        """The performer at rest, as far as it is known."""
        return self._calibration.neutral

    @property
    def is_calibrated(self) -> bool:
        """Whether the performer's face was seen for long enough."""
        return self._calibration.is_complete

    @property
    def mirror(self) -> bool:
        """Whether the avatar moves like a mirror."""
        return self._settings.mirror

    @mirror.setter
    def mirror(self, on: bool) -> None:
        self.set_settings(replace(self._settings, mirror=on))

    def set_settings(self, settings: RetargetSettings) -> None:
        """Take other gains and limits from the next frame on; the calibration stays."""
        self._settings = settings
        self._reader.settings = settings

    def set_avatar(self, avatar: Avatar) -> None:
        """Drive another avatar from the next frame on; what was learned about the performer stays.

        Raises:
            ValueError: The avatar's points make no face; the avatar before stays.
        """
        self.rig = AvatarRig(avatar)
        self._reader.rig = self.rig

    def calibrate(self) -> None:
        """Learn the neutral again from the next second of frames."""
        self._calibration.restart()

    def set_neutral(self, performances: Sequence[Performance]) -> None:
        """Take these performances as the neutral, at once.

        Raises:
            ValueError: In none of them a face was found.
        """
        self._calibration.set_neutral(performances)

    def motion(self, performance: Performance) -> Motion:
        """Return what the avatar is asked to do; the last motion again when there is no face."""
        if performance.state is TrackState.FOUND:
            self._calibration.add(performance)
            motion = self._reader.read(performance, self._calibration.neutral)
            self._motion = mirror_motion(motion) if self._settings.mirror else motion
        return self._motion

    def control(self, performance: Performance) -> Control:
        """Return where the avatar's points are for this frame.

        Cost: about 0.3 ms.
        """
        motion = self.motion(performance)
        points = self.rig.pose(motion)
        return Control(
            points=points,
            scores=self.rig.scores(points, motion.body.arms),
            frame_index=performance.frame_index,
            captured_at_s=performance.captured_at_s,
        )
