#!/bin/bash
# ffmpeg in an enclave: a film goes in by standard input and comes out smaller, in other codecs.
# shellcheck source=demos/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
needs /usr/bin/ffmpeg /usr/bin/ffprobe
build "${image[@]}"

film=(-v error -f lavfi -i "testsrc2=size=640x360:rate=25" -f lavfi -i "sine=frequency=440:beep_factor=4"
	-t 6 -map_metadata -1 -fflags +bitexact)
transcode=(-v error -i - -vf "scale=320:180,hue=s=0" -c:v libx264 -preset fast -threads 4 -c:a aac -b:a 96k
	-fflags +bitexact -flags:v +bitexact -flags:a +bitexact -f matroska -)
facts() { ffprobe -v error -count_frames -show_entries stream=codec_name,width,height,nb_read_frames -of csv=p=0 "$@"; }

step "a film of six seconds, made outside"
ffmpeg "${film[@]}" -c:v mpeg4 -q:v 3 -c:a flac -f matroska "$work/film.mkv" || fail "ffmpeg"
matches "^mpeg4,640,360,150" facts "$work/film.mkv"

step "inside: decoded, scaled, made grey and encoded on four threads, as H.264 and AAC"
run -i -- ffmpeg "${transcode[@]}" <"$work/film.mkv" >"$work/inside.mkv" || fail "exit status $?"
matches "^h264,320,180,150" facts "$work/inside.mkv"
say "$(stat -c %s "$work/film.mkv") bytes became $(stat -c %s "$work/inside.mkv")"

step "the same outside: each frame is the same"
frames() { ffmpeg -v error -i "$1" -f framemd5 -; }
ffmpeg "${transcode[@]}" <"$work/film.mkv" >"$work/outside.mkv"
frames "$work/inside.mkv" >"$work/inside.frames"
frames "$work/outside.mkv" >"$work/outside.frames"
cmp "$work/inside.frames" "$work/outside.frames" >"$work/cmp" || fail "$(diff "$work/inside.frames" "$work/outside.frames")"
say "$(grep -c '^[01],' "$work/inside.frames") frames of pictures and sound compared"

worked
