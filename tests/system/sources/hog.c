/* Takes memory. usage: hog MIB [fork|reserve|noreserve|FILE]: touch so much, piece by piece; then
 * let a child share it. Or only reserve it, in one piece. Or map so much of a file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	LOOK_S = 2, /* long enough for the limit to be looked at */
	PIECE = 16 << 20,
};

static char *take(size_t size, int flags)
{
	char *p = mmap(
		NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (p == MAP_FAILED) {
		printf("mmap: %s\n", strerror(errno));
		exit(1);
	}
	return p;
}

static char *take_file(size_t size, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	char *p = ftruncate(fd, (off_t)size)
			  ? MAP_FAILED
			  : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED) {
		printf("%s: %s\n", path, strerror(errno));
		exit(1);
	}
	return memset(p, 1, size);
}

int main(int argc, char **argv)
{
	size_t size = argc > 1 ? strtoul(argv[1], NULL, 10) << 20 : 0;
	const char *how = argc > 2 ? argv[2] : "";
	int status = 0;
	char *p = NULL;

	if (*how == 'n' || *how == 'r')
		p = take(size, *how == 'n' ? MAP_NORESERVE : 0);
	else if (*how == '/')
		p = take_file(size, how);
	else
		for (size_t done = 0; done < size; done += PIECE)
			p = memset(take(PIECE, 0), 1, PIECE);
	if (*how == 'f' && fork() == 0) {
		sleep(LOOK_S);
		return p[PIECE - 1] != 1;
	}
	sleep(LOOK_S);
	if (*how == 'f')
		wait(&status);
	printf("lives, child %d\n", status);
	return 0;
}
