"""The clip that ships."""

import zipfile
from importlib.resources.abc import Traversable
from pathlib import Path

import av
import numpy as np
import pytest

from engine.capture import sample
from engine.capture.sample import sample_clip_path
from engine.capture.sources import open_source
from engine.clock import FakeClock
from engine.settings import SAMPLE_CLIP
from engine.types import Frame


def test_facts() -> None:
    source = open_source(SAMPLE_CLIP, False, FakeClock())
    try:
        assert source.num_frames == 360
        assert source.fps == 30
        first = source.read(0.0)
        assert isinstance(first, Frame)
        assert first.rgb.shape == (480, 640, 3)
    finally:
        source.close()
    assert sample_clip_path().stat().st_size < 1_500_000


def test_codecs_and_sound_in_time_with_the_mouth() -> None:
    """Quiet in the neutral first second, a hum from the first syllable on."""
    with av.open(str(sample_clip_path())) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.streams.audio[0].codec_context.name == "aac"
        assert float(
            container.streams.audio[0].duration * container.streams.audio[0].time_base
        ) == pytest.approx(12.0, abs=0.1)
        rate = container.streams.audio[0].codec_context.sample_rate
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    loud = np.abs(sound)
    assert loud[: 4 * rate].max() < 0.01
    assert 0.05 < loud[round(4.4 * rate) : round(4.6 * rate)].max() < 0.4
    assert loud[round(11.2 * rate) :].max() < 0.01


def test_it_is_unpacked_from_a_zipped_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "understudy.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("samples/performer.mp4", b"a clip")

    def zipped(_package: str) -> Traversable:
        return zipfile.Path(archive)  # type: ignore[return-value]

    monkeypatch.setattr(sample, "files", zipped)
    sample_clip_path.cache_clear()
    try:
        assert sample_clip_path().read_bytes() == b"a clip"
    finally:
        sample_clip_path.cache_clear()
