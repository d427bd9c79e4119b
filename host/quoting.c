#include "host/quoting.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct quoting {
	const struct image *image;
	quoting_start_fn *start;
	int enclave_fd, fd; /* the two ends */
	pthread_t thread;
};

/* Sleeps until there is a request, then until all is over: quoting_free() hangs up. */
static void *serve(void *of)
{
	struct quoting *quoting = of;
	struct pollfd poll_fd = {.fd = quoting->fd, .events = POLLIN};

	for (;;) {
		if (poll(&poll_fd, 1, -1) < 0)
			continue;
		if (poll_fd.revents & POLLHUP)
			return NULL;
		/* Whoever could not be started answers nobody: the enclave must not wait. */
		if (quoting->start(quoting->image, quoting->fd) < 0)
			shutdown(quoting->fd, SHUT_RDWR);
		poll_fd.events = 0;
	}
}

static int start_thread(struct quoting *quoting)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	r = pthread_create(&quoting->thread, NULL, serve, quoting);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -r;
}

int quoting_new(const struct image *image, quoting_start_fn *start, struct quoting **ret_quoting,
	int *ret_fd, struct image_error *error)
{
	struct quoting *quoting;
	int ends[2], r;

	*ret_fd = -1;
	*ret_quoting = NULL;
	if (!start)
		return 0;
	quoting = malloc(sizeof(*quoting));
	if (!quoting)
		return image_fail_errno(error, -ENOMEM, "attestation");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		r = -errno;
		free(quoting);
		return image_fail_errno(error, r, "a pair of sockets");
	}
	*quoting = (struct quoting){image, start, ends[0], ends[1], 0};
	r = start_thread(quoting);
	if (r < 0) {
		close(ends[0]);
		close(ends[1]);
		free(quoting);
		return image_fail_errno(error, r, "a thread");
	}
	*ret_quoting = quoting;
	*ret_fd = ends[0];
	return 0;
}

void quoting_free(struct quoting *quoting)
{
	if (!quoting)
		return;
	shutdown(quoting->enclave_fd, SHUT_RDWR);
	pthread_join(quoting->thread, NULL);
	close(quoting->enclave_fd);
	close(quoting->fd);
	free(quoting);
}
