# What goes into the image, for run.sh and tests/applications/ffmpeg.sh.
# shellcheck shell=bash disable=SC2034
image=(--copy /usr/bin/ffmpeg --copy /usr/bin/ffprobe)
