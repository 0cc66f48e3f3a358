"""``sample_performance``: what a character does over time, with the timing of people."""

from dataclasses import fields

import numpy as np

from models.training.characters.curves import Array
from models.training.characters.spec import NEUTRAL, Act

_CLOSE_S, _HOLD_S, _OPEN_S = 0.08, 0.04, 0.12  # a blink of a person
_LIMITS: dict[str, tuple[float, float]] = {
    "yaw_deg": (-40, 40),
    "pitch_deg": (-25, 25),
    "roll_deg": (-25, 25),
    "x": (-0.08, 0.08),
    "y": (-0.08, 0.08),
    "scale": (0.85, 1.15),
    "eye_open_left": (0, 1.25),
    "eye_open_right": (0, 1.25),
    "gaze_x": (-1, 1),
    "gaze_y": (-1, 1),
    "brow_left": (-1, 1),
    "brow_right": (-1, 1),
    "mouth_open": (0, 1),
    "mouth_width": (-1, 1),
    "mouth_round": (0, 1),
    "smile": (-1, 1),
    "breath": (0, 1),
    "shrug_left": (0, 1),
    "shrug_right": (0, 1),
    "arm_left": (0, 1),
    "arm_right": (0, 1),
}
# Visemes: opening, width, rounding.
_VISEMES = np.array(
    [
        (0.0, 0.0, 0.0),  # m, b, p
        (0.85, 0.1, 0.05),  # a
        (0.45, 0.6, 0.0),  # e
        (0.22, 0.8, 0.0),  # i
        (0.55, -0.4, 0.75),  # o
        (0.25, -0.7, 1.0),  # u
        (0.15, 0.1, 0.1),  # consonants
        (0.12, 0.3, 0.0),
    ]
)

_Channels = dict[str, Array]


def _waves(rng: np.random.Generator, seconds: Array, amplitude: float, fastest: float = 0.7) -> Array:
    """Return a smooth wandering signal, about ``amplitude`` at its peaks."""
    result = np.zeros_like(seconds)
    for weight in (0.55, 0.3, 0.15):
        frequency = rng.uniform(0.06, fastest)
        result += weight * np.sin(2 * np.pi * (frequency * seconds + rng.random()))
    return amplitude * result * 1.25


def _eased_steps(
    rng: np.random.Generator, seconds: Array, spread: float, every_s: float, rise_s: float
) -> Array:
    """Return a signal that jumps to new random levels and holds them (gaze, moods)."""
    result = np.full_like(seconds, rng.normal(0, spread))
    at = rng.exponential(every_s)
    while at < seconds[-1]:
        share = np.clip((seconds - at) / rise_s, 0.0, 1.0)
        result += (rng.normal(0, spread) - result) * share * share * (3 - 2 * share)
        at += 0.25 * every_s + rng.exponential(every_s)
    return result


def _bump(seconds: Array, start: float, rise: float, hold: float, fall: float) -> Array:
    """Return 0 .. 1 .. 0 with smooth flanks."""
    up = np.clip((seconds - start) / rise, 0, 1)
    down = np.clip((seconds - start - rise - hold) / fall, 0, 1)
    return np.asarray(up * up * (3 - 2 * up) * (1 - down * down * (3 - 2 * down)))


def _head(rng: np.random.Generator, seconds: Array, energy: float) -> _Channels:
    yaw = _waves(rng, seconds, energy * rng.uniform(5, 30))
    if rng.random() < 0.25:  # a quarter of the performances look around in jumps
        yaw += _eased_steps(rng, seconds, 12 * energy, 1.5, 0.45)
    pitch = _waves(rng, seconds, energy * rng.uniform(3, 14))
    if rng.random() < 0.3:  # nods
        start = rng.uniform(0, max(seconds[-1] - 1, 0.1))
        envelope = _bump(seconds, start, 0.2, 0.8, 0.3)
        pitch += 9 * envelope * np.sin(2 * np.pi * rng.uniform(1.2, 2.0) * (seconds - start))
    roll = _waves(rng, seconds, energy * rng.uniform(2, 14)) + rng.normal(0, 3)
    shift = energy * rng.uniform(0.0, 0.045)
    return {
        "yaw_deg": yaw,
        "pitch_deg": pitch,
        "roll_deg": roll,
        "x": _waves(rng, seconds, shift) + yaw * 0.0004 * rng.random(),
        "y": _waves(rng, seconds, shift * 0.6) + np.abs(pitch) * 0.0003,
        "scale": 1 + _waves(rng, seconds, energy * rng.uniform(0.0, 0.11)),
    }


def _blinks(rng: np.random.Generator, seconds: Array) -> tuple[Array, Array]:
    left, right = np.ones_like(seconds), np.ones_like(seconds)
    at = rng.uniform(-0.2, 2.5)
    while at < seconds[-1]:
        slow = rng.random() < 0.12  # some close the eyes for longer
        hold = rng.uniform(0.2, 1.0) if slow else _HOLD_S
        closed = 1 - _bump(seconds, at, _CLOSE_S, hold, _OPEN_S)
        wink = rng.random()
        left = np.minimum(left, closed) if wink > 0.07 else left
        right = np.minimum(right, closed) if wink < 0.93 else right
        at += 0.3 + rng.exponential(rng.choice((0.6, 2.2)))
    return left, right


def _eyes(rng: np.random.Generator, seconds: Array, energy: float) -> _Channels:
    left, right = _blinks(rng, seconds)
    mood = 1 + _eased_steps(rng, seconds, 0.17, 1.6, 0.25)
    reach = rng.uniform(0.15, 0.6) * (0.5 + energy)
    brow = _eased_steps(rng, seconds, rng.uniform(0.1, 0.5), 1.2, 0.22)
    split = _eased_steps(rng, seconds, rng.choice((0.0, 0.08, 0.3)), 1.8, 0.22)
    return {
        "eye_open_left": np.clip(mood, 0.25, 1.25) * left,
        "eye_open_right": np.clip(mood, 0.25, 1.25) * right,
        "gaze_x": _eased_steps(rng, seconds, reach, 0.8, 0.06) + _waves(rng, seconds, 0.04),
        "gaze_y": _eased_steps(rng, seconds, reach * 0.6, 0.9, 0.06) + _waves(rng, seconds, 0.03),
        "brow_left": brow + split,
        "brow_right": brow - split,
    }


def _talk(rng: np.random.Generator, seconds: Array) -> Array:
    """Return opening, width and rounding ``(3, T)`` of somebody talking in phrases, with pauses."""
    times, shapes = [-1.0], [_VISEMES[0]]
    at = -rng.uniform(0, 0.5)
    loud = rng.uniform(0.5, 1.1)
    while at < seconds[-1] + 0.5:
        for _ in range(int(rng.integers(3, 16))):
            kind = rng.integers(1, 6) if rng.random() < 0.6 else rng.choice((0, 6, 7))
            times.append(at)
            shapes.append(_VISEMES[kind] * (loud * rng.uniform(0.6, 1.1), 1.0, 1.0))
            at += rng.uniform(0.07, 0.16)
        times += [at, at + rng.uniform(0.2, 1.4)]
        shapes += [_VISEMES[0], _VISEMES[0]]
        at = times[-1] + 0.1
    values = np.array(shapes)
    kernel = np.hanning(5)[1:-1] / np.hanning(5).sum()
    fine = np.linspace(seconds[0] - 0.1, seconds[-1] + 0.1, max(len(seconds) * 2, 8))
    result = []
    for axis in range(3):
        signal = np.interp(fine, times, values[:, axis])
        padded = np.pad(signal, 1, mode="edge")
        result.append(np.interp(seconds, fine, np.convolve(padded, kernel, "valid")))
    return np.stack(result)


def _mouth(rng: np.random.Generator, seconds: Array) -> _Channels:
    smile = 0.2 + _eased_steps(rng, seconds, rng.uniform(0.15, 0.5), 1.6, 0.3)
    opening, width, rounding = np.zeros((3, len(seconds)))
    if rng.random() < 0.65:  # two thirds talk
        opening, width, rounding = _talk(rng, seconds)
    for _ in range(int(rng.integers(0, 3))):  # laughs, yawns, gasps
        event = _bump(seconds, rng.uniform(-0.3, max(seconds[-1], 0.1)), 0.18, rng.uniform(0.1, 1.0), 0.3)
        opening = np.maximum(opening, event * rng.uniform(0.4, 1.0))
        if rng.random() < 0.5:
            smile = smile + event * (0.9 - smile)
        else:
            rounding = np.maximum(rounding, event * rng.uniform(0.0, 1.0))
    width = width + _eased_steps(rng, seconds, 0.15, 1.5, 0.25)
    return {"mouth_open": opening, "mouth_width": width, "mouth_round": rounding, "smile": smile}


def _body(rng: np.random.Generator, seconds: Array, energy: float) -> _Channels:
    rate = rng.uniform(0.2, 0.35)
    shrug = np.zeros_like(seconds)
    if rng.random() < 0.2:
        shrug = _bump(seconds, rng.uniform(0, max(seconds[-1], 0.1)), 0.25, 0.5, 0.35) * rng.uniform(0.5, 1)
    one_sided = rng.choice((0.0, 0.5, 1.0), p=(0.15, 0.7, 0.15))
    return {
        "body_x": _waves(rng, seconds, energy * 0.025),
        "body_y": _waves(rng, seconds, energy * 0.012),
        "body_roll_deg": _waves(rng, seconds, energy * 4.0),
        "breath": 0.5 - 0.5 * np.cos(2 * np.pi * (rate * seconds + rng.random())),
        "shrug_left": shrug * min(1.0, 2 * one_sided),
        "shrug_right": shrug * min(1.0, 2 - 2 * one_sided),
    }


def _arm(rng: np.random.Generator, seconds: Array, side: str) -> _Channels:
    sign = -1 if side == "left" else 1
    start = rng.uniform(-1.0, max(seconds[-1] * 0.6, 0.1))
    presence = _bump(seconds, start, 0.4, rng.uniform(0.6, 4.0), 0.4)
    wave = rng.uniform(0.0, 0.06) * np.sin(2 * np.pi * rng.uniform(0.8, 2.2) * seconds)
    wrist_x = 0.5 + sign * rng.uniform(0.26, 0.4) + wave
    elbow_x = 0.5 + sign * rng.uniform(0.4, 0.5)
    return {
        f"arm_{side}": presence,
        f"elbow_{side}_x": elbow_x + _waves(rng, seconds, 0.015),
        f"elbow_{side}_y": rng.uniform(0.9, 1.05) + _waves(rng, seconds, 0.015),
        f"wrist_{side}_x": wrist_x + _waves(rng, seconds, 0.02),
        f"wrist_{side}_y": rng.uniform(0.45, 0.85) + _waves(rng, seconds, 0.03),
    }


def sample_performance(rng: np.random.Generator, num_frames: int, fps: float = 25.0) -> list[Act]:
    """Return what a character does in ``num_frames`` consecutive frames.

    Smooth wandering of head and body, saccades, blinks and winks, talking at syllable rate with pauses,
    laughs, nods, shrugs and, now and then, raised arms. The first frame need not be neutral.

    Args:
        rng: Source of chance; the same state gives the same performance.
        num_frames: At least 1.
        fps: Frames per second.
    """
    if num_frames < 1 or fps <= 0:
        raise ValueError(f"num_frames must be >= 1 and fps > 0, got {num_frames} and {fps}")
    seconds = np.arange(num_frames) / fps
    energy = float(rng.choice((0.15, 0.5, 0.8, 1.0, 1.3)))
    channels = _head(rng, seconds, energy)
    channels |= _eyes(rng, seconds, energy) | _mouth(rng, seconds) | _body(rng, seconds, energy)
    if rng.random() < 0.22:
        for side in rng.permutation(("left", "right"))[: int(rng.integers(1, 3))]:
            channels |= _arm(rng, seconds, str(side))
    for name, (low, high) in _LIMITS.items():
        if name in channels:
            channels[name] = np.clip(channels[name], low, high)
    names = [item.name for item in fields(Act) if item.name in channels]
    columns = np.stack([np.broadcast_to(channels[name], num_frames) for name in names], 1)
    return [Act(**dict(zip(names, map(float, row), strict=True))) for row in columns]


__all__ = ["NEUTRAL", "sample_performance"]
