#!/bin/bash
# Boots a virtual machine with a real virtual-camera device (v4l2loopback), has Understudy's camera process
# write to it, reads it back with OpenCV, and kills the program to see the standby card. About a minute and a
# half, the first time longer (packages, a kernel: 405 MB under the temporary directory). Debian, as root.
# usage: run_in_vm.sh [PYTHON]        (a Python that has Understudy's requirements; default: python)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=$(command -v "${1:-python}")
bash "$here/vm/build.sh"
cd "$here/../../.."
# Eight buffers: with the module's two, a reader as slow as an emulated one sees the next picture in half.
LOOPBACK_OPTS='devices=1 video_nr=0 card_label=Understudy exclusive_caps=1 max_buffers=8' \
  bash "$here/vm/run.sh" "$python -B -m tests.e2e.virtual_camera.guest"
