/* Reads a file through liburing where there is io_uring, and with pread(2) where there is not, as
 * programs that use it do. */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static ssize_t read_ring(struct io_uring *ring, int fd, void *to, unsigned int size)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	int result;

	io_uring_prep_read(sqe, fd, to, size, 0);
	if (io_uring_submit(ring) != 1 || io_uring_wait_cqe(ring, &cqe))
		return -1;
	result = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return result;
}

int main(int argc, char **argv)
{
	struct io_uring_probe *probe = io_uring_get_probe();
	struct io_uring ring;
	char bytes[64];
	int fd = argc > 1 ? open(argv[1], O_RDONLY) : -1;
	int r = io_uring_queue_init(8, &ring, 0);
	ssize_t n =
		r ? pread(fd, bytes, sizeof(bytes), 0) : read_ring(&ring, fd, bytes, sizeof(bytes));

	/* A container refuses with EPERM, a kernel that has none with ENOSYS. */
	if (r && r != -ENOSYS && r != -EPERM)
		return 1;
	if (!r != (probe != NULL))
		return 2;
	fprintf(stderr, "io_uring: %s\n", r ? strerror(-r) : "there");
	printf("%zd bytes: %.*s", n, (int)(n > 0 ? n : 0), bytes);
	return 0;
}
