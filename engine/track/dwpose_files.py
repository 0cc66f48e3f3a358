"""Where DWPose's files lie. Importing this loads nothing heavy."""

from pathlib import Path

from engine.errors import WeightsError

DETECTORS = ("yolox_l.onnx", "yolox_s.onnx")
POSE_NETWORKS = ("dw-ll_ucoco_384.onnx", "dw-mm_ucoco.onnx")


def find_files(folder: Path) -> tuple[Path, Path]:
    """Return the detector's file and the pose network's, the larger of each where both are there.

    Raises:
        WeightsError: one is missing.
    """
    found = [
        next((folder / name for name in names if (folder / name).is_file()), None)
        for names in (DETECTORS, POSE_NETWORKS)
    ]
    if found[0] is None or found[1] is None:
        wanted = f"{' or '.join(DETECTORS)}, and {' or '.join(POSE_NETWORKS)}"
        raise WeightsError(
            f"DWPose is not in {folder}.",
            hint=f"Fetch it with `understudy models fetch dwpose`, or put {wanted} there; or choose the "
            "tracker that ships.",
        )
    return found[0], found[1]
