"""Builds and rebuilds the pipeline of a session: networks once, machinery per quality, cast per avatar.

Thread: one caller at a time (the worker while it starts, then the session's stagehand).
"""

import threading
from dataclasses import dataclass, replace

from engine.latency import StageTimes
from engine.pipeline import Cast, Pipeline
from engine.rooms import Driver, Rooms, Studio
from engine.settings import Settings
from engine.stand_in import StandIn
from engine.types import Avatar


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Built:
    """What the newest pipeline was made of."""

    driver: Driver
    stand_in: StandIn
    avatar: Avatar
    cast: Cast


class Staging:
    """What pipelines are made of. ``build`` comes first.

    Args:
        rooms: Makes the parts.
        times: Where the pipelines measure their stages.
    """

    def __init__(self, rooms: Rooms, times: StageTimes) -> None:
        self.rooms = rooms
        self.times = times
        self._lock = threading.Lock()  # a restart may meet a stagehand's last job; no hot path takes it
        self._studio: Studio | None = None
        self._built: _Built | None = None
        self._settings: Settings | None = None  # of the newest pipeline
        self._warm_up_frames = 0

    @property
    def driver(self) -> Driver | None:
        """The performer, once there is a pipeline."""
        return self._built.driver if self._built else None

    @property
    def runtime_text(self) -> str:
        """Which library runs the networks, and why; empty before they are loaded."""
        return self._studio.runtime_text if self._studio else ""

    @property
    def warm_up_frames(self) -> int:
        """Frames with which the newest pipeline begins, painted together; 0: each by itself."""
        return self._warm_up_frames

    def way_out_when_slow(self) -> str:
        """Return in a sentence what would paint faster than the newest pipeline."""
        return "" if self._settings is None else self.rooms.way_out_when_slow(self._settings)

    def build(self, settings: Settings, avatar: Avatar | None) -> Pipeline:
        """Return a pipeline with nobody on stage yet. Slow: seconds the first time.

        Args:
            settings: The session's.
            avatar: Who is on stage; None: whom the settings name.

        Raises:
            UnderstudyError: weights, runtime, avatar or backdrop cannot be had.
        """
        with self._lock:
            avatar = avatar if avatar is not None else self.rooms.load_avatar(settings.avatar)
            if self._studio is None:
                self._studio = self.rooms.open_studio(settings)
            driver = self._driver_of(avatar, settings)
            cast = self._make_cast(settings, avatar, driver)
            stand_in = StandIn(driver, cast.resting, self.rooms.ease, settings.loss)
            self._built = _Built(driver=driver, stand_in=stand_in, avatar=avatar, cast=cast)
            return self._pipeline(settings, self._built)

    def at_quality(self, settings: Settings) -> Pipeline:
        """Return a pipeline of another quality, with the person and avatar of the present one. Slow."""
        with self._lock:
            built = self._require_built()
            cast = self._make_cast(settings, built.avatar, built.driver)
            self._built = replace(built, cast=cast)
            return self._pipeline(settings, self._built)

    def with_avatar(self, settings: Settings, avatar: Avatar) -> Cast:
        """Return the cast of another avatar. Slow: half a second."""
        with self._lock:
            built = self._require_built()
            cast = self._make_cast(settings, avatar, built.driver)
            self._built = replace(built, avatar=avatar, cast=cast)
            return cast

    def on_stage(self, settings: Settings) -> Cast:
        """Return the present cast on another stage. Raises ``SettingsError``."""
        with self._lock:
            built = self._require_built()
            plate = built.cast.conditioner.plate
            composer = self.rooms.composer(settings.stage, settings.composed_size, plate)
            self._built = replace(built, cast=replace(built.cast, composer=composer))
            return self._built.cast

    def _require_built(self) -> _Built:
        if self._built is None:
            raise RuntimeError("call build() first")
        return self._built

    def _driver_of(self, avatar: Avatar, settings: Settings) -> Driver:
        """Keep the performer of an earlier start: it knows the person's neutral face."""
        if self._built is None:
            return self.rooms.driver(avatar, mirror=settings.mirror)
        self._built.driver.set_avatar(avatar)
        self._built.driver.mirror = settings.mirror
        return self._built.driver

    def _pipeline(self, settings: Settings, built: _Built) -> Pipeline:
        assert self._studio is not None  # build() opens it
        machinery = self._studio.machinery(settings.quality, settings.seed)
        self._settings, self._warm_up_frames = settings, machinery.warm_up_frames
        fade_s = settings.avatar_fade_s
        pipeline = Pipeline(built.stand_in, machinery, built.cast, self.times, fade_s=fade_s)
        if machinery.is_guided:
            pipeline.set_guidance(settings.guidance)
        return pipeline

    def _make_cast(self, settings: Settings, avatar: Avatar, driver: Driver) -> Cast:
        assert self._studio is not None  # build() opens it
        conditioner = self._studio.conditioner(avatar, settings.quality.size)
        return Cast(
            performer=driver,
            resting=self.rooms.resting(avatar),
            conditioner=conditioner,
            composer=self.rooms.composer(settings.stage, settings.composed_size, conditioner.plate),
        )
