# covers: ffmpeg, ffprobe (H.264, VP9, FFV1, AAC, Opus on four threads; filters, image sequences, pipes, damaged media)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/ffmpeg /usr/bin/ffprobe
. "$TOP/demos/ffmpeg/image.sh"
app_image "${image[@]}" --copy /bin/bash --copy /bin/sh --copy /usr/bin/head --copy /usr/bin/wc --copy /usr/bin/sha256sum --copy /bin/cat

# The media are made by ffmpeg itself, the same each time: pictures that move, and a tone that beeps.
cat >"$SCRATCH/words" <<'END'
exact="-map_metadata -1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact"
ff() { ffmpeg -nostdin -v error -y "$@" || echo "status $?"; }
make() { ff -f lavfi -i testsrc2=size=320x240:rate=25 -f lavfi -i sine=frequency=440:beep_factor=4:sample_rate=48000 -t 4 $exact "$@"; }
frames() { ffmpeg -nostdin -v error -i "$1" -f framemd5 - | sha256sum; }
facts() { ffprobe -v error -count_frames -show_entries stream=codec_name,width,height,channels,nb_read_frames -of json "$1"; }
END

ffmpeg_compare()
{
	cat "$SCRATCH/words" - >"$SCRATCH/commands"
	compare "$1" bash <"$SCRATCH/commands"
}

ffmpeg_compare "H.264 and AAC on four threads" <<'END'
make -c:v libx264 -preset medium -threads 4 -c:a aac film.mp4
sha256sum <film.mp4; frames film.mp4; facts film.mp4
ff -i film.mp4 -vf "scale=160:120,transpose=1,hue=s=0" -filter_threads 4 -c:v libx264 -threads 4 $exact small.mkv; frames small.mkv; facts small.mkv
ff -ss 1.5 -t 1 -i film.mp4 -c copy $exact part.mp4; sha256sum <part.mp4
END

ffmpeg_compare "VP9 and Opus, FFV1 in slices, MPEG-2, MP3" <<'END'
make -c:v libvpx-vp9 -b:v 300k -deadline realtime -cpu-used 8 -row-mt 1 -tile-columns 1 -threads 4 -c:a libopus film.webm; frames film.webm; facts film.webm
make -c:v ffv1 -level 3 -slices 4 -threads 4 -c:a flac film.mkv; frames film.mkv; ffmpeg -nostdin -v error -threads 4 -i film.mkv -f md5 -
ff -i film.mkv -c:v mpeg2video -threads 4 -c:a libmp3lame $exact film.mpg; frames film.mpg
END

ffmpeg_compare "pictures, a palette, sound alone, and statistics" <<'END'
make -vframes 20 -c:v png p-%02d.png; cat p-*.png | sha256sum; ff -framerate 10 -i p-%02d.png -c:v mjpeg -threads 1 $exact film.avi; frames film.avi
ff -i film.avi -vf "split[a][b];[a]palettegen[p];[b][p]paletteuse" film.gif; sha256sum <film.gif
make -vn -c:a pcm_s16le tone.wav; wc -c <tone.wav
grep() { while read -r line; do [[ $line =~ [a-z]*_volume:.* ]] && echo "${BASH_REMATCH[0]}"; done; }
ffmpeg -nostdin -hide_banner -i tone.wav -af volumedetect -f null - 2>&1 | grep
END

ffmpeg_compare "through pipes, into a process that stops reading, and what is no film" <<'END'
make -c:v mpeg4 -c:a mp2 -f mpegts - | ffmpeg -v error -i - -c:v libx264 -preset ultrafast -threads 2 -c:a copy $exact -f matroska - | sha256sum
make -c:v rawvideo -f rawvideo - 2>&1 | head -c 1000000 | sha256sum
make -c:v mpeg4 -c:a aac film.mp4; head -c 100000 film.mp4 >broken.mp4; ffprobe -v quiet broken.mp4; echo "status $?"
ffmpeg -nostdin -v quiet -i /bin/sh -f null -; echo "status $?"
END
app_done
