# covers: Valgrind (a translator of machine code, which maps programs and their libraries by itself)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/valgrind /usr/bin/gcc /usr/lib/debug/.build-id # symbols of ld.so: without them Valgrind refuses
tools=/usr/libexec/valgrind
cat >"$SCRATCH/faulty.c" <<'END'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static void *thread(void *data) { *(char *)data = 'y'; return NULL; }
int main(void)
{
	char *p = malloc(8);
	char byte = 0;
	pthread_t other;
	strcpy(p, "a text");
	puts(p);
	fflush(stdout);
	pthread_create(&other, NULL, thread, &byte);
	pthread_join(other, NULL);
	free(p);
	byte = p[0];
	return byte == 'y';
}
END
expect "a program that reads what it has freed" gcc -g -O0 -w -pthread -o "$app_dir/faulty" "$SCRATCH/faulty.c"
image=(--copy /usr/bin/valgrind --copy /usr/bin/valgrind.bin --copy "$app_dir/faulty" --copy /bin/sh --copy /bin/ls --copy /bin/true --copy /usr/bin/wc
	--add /usr/lib/debug:/usr/lib/debug)
for tool in "$tools"/memcheck-amd64-linux "$tools"/helgrind-amd64-linux "$tools"/callgrind-amd64-linux "$tools"/default.supp \
	"$tools"/vgpreload_*-amd64-linux.so; do
	image+=(--add "$tool:$tool")
done
app_image "${image[@]}"

for tool in memcheck helgrind callgrind; do
	options=(-q "--tool=$tool")
	[ $tool != callgrind ] || options+=(--callgrind-out-file=/dev/null)
	[ $tool = callgrind ] || options+=(--error-exitcode=9)
	compare "$tool, of a program with threads" valgrind "${options[@]}" "$app_dir/faulty"
done
compare "memcheck, of a shell and its children" valgrind -q --trace-children=yes sh -c 'ls / >/dev/null; echo done | wc -c; (exit 3)'
app_done
