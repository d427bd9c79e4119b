# covers: stress-ng (the cpu, vm, fork, pipe and futex stressors; `make stress` runs each for a minute)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/stress-ng
. "$TOP/demos/stress-ng/image.sh"
app_image "${image[@]}"
seconds=${STRESS_SECONDS:-2}
for stressor in cpu vm fork pipe futex; do
	extra=()
	[ $stressor != vm ] || extra=(--vm-bytes 64M)
	compare "$stressor for $seconds s" stress-ng --quiet --verify --temp-path . --$stressor 2 \
		--timeout "${seconds}s" "${extra[@]}" </dev/null
done
app_done
