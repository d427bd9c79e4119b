#include "host/control.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/journal.h"

#define CLIENT_COUNT_MAX 128
#define PIPE_CHUNK 65536
#define FIXED_POLL_COUNT 5
#define STATUS_REFUSED 125

struct client {
	int fd;        /* -1: free */
	uint32_t slot; /* of its program; 0: none */
	bool is_stuck; /* what it asks has to wait for the mailbox */
};

struct control {
	const struct control_options *options;
	struct mailbox *mailbox;
	struct launch_live *live;
	int notify_fd, stop_fd;
	pid_t session;
	bool killed, told_start;
	pthread_t thread;
	struct client clients[CLIENT_COUNT_MAX];
	struct client *asking;        /* whose request is in the mailbox; NULL: it is free */
	uint32_t asked_slot;          /* the slot that it asks for, if it does */
	int32_t asked_streams[3];     /* to be closed if it is refused */
	enum control_kind asked_kind; /* what it asks */
	bool slots_in_use[MAILBOX_SLOT_COUNT + 1];
	struct control_request request; /* buffers */
	char chunk[PIPE_CHUNK];
};

/* ---- Clients -----------------------------------------------------------------------------------
 */

static void client_close(struct client *client)
{
	close(client->fd);
	client->fd = -1;
	client->slot = 0;
}

/* Nobody is waited for: who does not read loses the reply. */
static void reply(
	struct client *client, uint32_t kind, int32_t value, const char *text, size_t size)
{
	struct control_reply answer = {.kind = kind, .value = value};

	if (client->fd < 0)
		return;
	size = MIN(size, sizeof(answer.text) - 1);
	memcpy(answer.text, text, size);
	answer.text_size = (uint32_t)size;
	(void)!send(client->fd, &answer, CONTROL_REPLY_SIZE_MIN + size + 1,
		MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool is_allowed(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

static void client_accept(struct control *control)
{
	int fd = accept4(control->options->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	for (size_t i = 0; i < CLIENT_COUNT_MAX && is_allowed(fd); i++)
		if (control->clients[i].fd < 0 && &control->clients[i] != control->asking) {
			control->clients[i] = (struct client){.fd = fd};
			return;
		}
	close(fd);
}

/* ---- The mailbox -------------------------------------------------------------------------------
 */

static void ring(struct control *control)
{
	__atomic_add_fetch(&control->live->doorbell, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &control->live->doorbell, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static uint32_t find_free_slot(const struct control *control)
{
	for (uint32_t slot = 1; slot <= MAILBOX_SLOT_COUNT; slot++)
		if (!control->slots_in_use[slot])
			return slot;
	return 0;
}

static void post(struct control *control, struct client *client, uint32_t kind, uint32_t slot)
{
	struct mailbox_request *to = &control->mailbox->request;
	const struct mailbox_request *from = &control->request.body;

	memcpy(to, from, offsetof(struct mailbox_request, strings) + from->strings_size);
	to->kind = kind;
	to->slot = slot;
	memcpy(to->streams, control->asked_streams, sizeof(to->streams));
	control->asking = client;
	control->asked_kind = control->request.kind;
	control->asked_slot = slot;
	__atomic_add_fetch(&control->mailbox->posted, 1, __ATOMIC_RELEASE);
	ring(control);
}

static void close_streams(const int32_t streams[3])
{
	for (int i = 0; i < 3; i++)
		if (streams[i] >= 0)
			close(streams[i]);
}

static void finish_exec(struct control *control, struct client *client)
{
	const struct mailbox_answer *answer = &control->mailbox->answer;
	uint32_t size = MIN(answer->text_size, MAILBOX_TEXT_SIZE);

	if (answer->result < 0) {
		close_streams(control->asked_streams);
		control->slots_in_use[control->asked_slot] = false;
		reply(client, CONTROL_REFUSED, STATUS_REFUSED,
			size ? answer->text : strerror(-answer->result),
			size ? size : strlen(strerror(-answer->result)));
		client_close(client);
		return;
	}
	client->slot = control->asked_slot;
	reply(client, CONTROL_STARTED, answer->result, "", 0);
}

/* What was asked has been answered. Whoever asked may be gone: then there is nobody to tell, and
 * the mailbox is free all the same. */
static void take_answer(struct control *control)
{
	const struct mailbox *mailbox = control->mailbox;
	struct client *client = control->asking;
	uint32_t size;

	if (!client || __atomic_load_n(&mailbox->answered, __ATOMIC_ACQUIRE) !=
			       __atomic_load_n(&mailbox->posted, __ATOMIC_RELAXED))
		return;
	control->asking = NULL;
	for (size_t i = 0; i < CLIENT_COUNT_MAX; i++)
		control->clients[i].is_stuck = false;
	if (control->asked_kind == CONTROL_EXEC) {
		finish_exec(control, client);
		return;
	}
	size = MIN(mailbox->answer.text_size, MAILBOX_TEXT_SIZE);
	reply(client, CONTROL_DONE, mailbox->answer.result, mailbox->answer.text, size);
}

static struct client *find_client(struct control *control, uint32_t slot)
{
	for (size_t i = 0; i < CLIENT_COUNT_MAX; i++)
		if (control->clients[i].fd >= 0 && control->clients[i].slot == slot)
			return &control->clients[i];
	return NULL;
}

/* Programs that have ended. */
static void take_ends(struct control *control)
{
	for (uint32_t i = 1; i <= MAILBOX_SLOT_COUNT; i++) {
		struct mailbox_slot *slot = &control->mailbox->slots[i - 1];
		struct client *client = find_client(control, i);

		if (!control->slots_in_use[i] || (control->asking && control->asked_slot == i) ||
			__atomic_load_n(&slot->state, __ATOMIC_ACQUIRE) != MAILBOX_SLOT_ENDED)
			continue;
		control->slots_in_use[i] = false;
		slot->state = MAILBOX_SLOT_FREE;
		if (!client)
			continue;
		reply(client, CONTROL_ENDED, slot->status, slot->error,
			strnlen(slot->error, sizeof(slot->error)));
		client_close(client);
	}
}

/* ---- Requests ----------------------------------------------------------------------------------
 */

/* Receive into control->request: whether it makes sense. *ret_streams: what came with it. */
static bool receive(struct control *control, struct client *client, int32_t streams[3])
{
	char space[CMSG_SPACE(3 * sizeof(int))];
	struct iovec part = {&control->request, sizeof(control->request)};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = space,
		.msg_controllen = sizeof(space)};
	ssize_t size = recvmsg(client->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = size < 0 ? NULL : CMSG_FIRSTHDR(&message);
	const struct control_request *request = &control->request;

	streams[0] = streams[1] = streams[2] = -1;
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
		memcpy(streams, CMSG_DATA(header),
			MIN(header->cmsg_len - CMSG_LEN(0), 3 * sizeof(int32_t)));
	return size >= (ssize_t)CONTROL_REQUEST_SIZE_MIN && request->version == CONTROL_VERSION &&
	       !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) &&
	       request->body.strings_size == (size_t)size - CONTROL_REQUEST_SIZE_MIN;
}

static void serve_exec(struct control *control, struct client *client, const int32_t streams[3])
{
	static const char too_many[] = "too many programs run because of `exec` already";
	uint32_t slot = find_free_slot(control);

	if (!slot || client->slot || streams[2] < 0) {
		close_streams(streams);
		reply(client, CONTROL_REFUSED, STATUS_REFUSED, too_many, sizeof(too_many) - 1);
		client_close(client);
		return;
	}
	control->slots_in_use[slot] = true;
	memcpy(control->asked_streams, streams, sizeof(control->asked_streams));
	post(control, client, MAILBOX_EXEC, slot);
}

static void serve_signal(struct control *control, struct client *client)
{
	/* Whatever state the LibOS is in. */
	if (control->request.body.signal == SIGKILL && !client->slot) {
		control->killed = true;
		kill(-control->session, SIGKILL);
		reply(client, CONTROL_DONE, 0, "", 0);
		return;
	}
	post(control, client, MAILBOX_SIGNAL, client->slot);
}

/* What does it ask? Looked at without taking it. 0: it has closed. */
static uint32_t peek_kind(
	struct control *control, const struct client *client, uint32_t *ret_signal)
{
	struct control_request *head = &control->request;
	ssize_t size = recv(client->fd, head, CONTROL_REQUEST_SIZE_MIN, MSG_PEEK | MSG_DONTWAIT);

	if (size < (ssize_t)CONTROL_REQUEST_SIZE_MIN)
		return 0;
	*ret_signal = head->body.signal;
	return head->kind;
}

static void serve_client(struct control *control, struct client *client)
{
	uint32_t signo = 0, kind = peek_kind(control, client, &signo);
	bool is_kill = kind == CONTROL_SIGNAL && signo == SIGKILL && !client->slot;
	int32_t streams[3];

	if (kind && control->asking && !is_kill) {
		client->is_stuck = true;
		return;
	}
	if (!kind || !receive(control, client, streams)) {
		client_close(client);
		return;
	}
	if (kind == CONTROL_EXEC) {
		serve_exec(control, client, streams);
		return;
	}
	close_streams(streams);
	if (kind == CONTROL_SIGNAL)
		serve_signal(control, client);
	else if (kind == CONTROL_PROCESSES)
		post(control, client, MAILBOX_PROCESSES, 0);
	else if (kind == CONTROL_READ)
		post(control, client, MAILBOX_READ, 0);
	else
		client_close(client);
}

/* ---- What is printed ---------------------------------------------------------------------------
 */

/* Whether there was something. */
static bool take_output(struct control *control, int stream)
{
	int fd = control->options->output_fds[stream];
	ssize_t size = fd < 0 ? 0 : read(fd, control->chunk, sizeof(control->chunk));

	if (size > 0)
		journal_add(control->options->journal, stream ? JOURNAL_STDERR : JOURNAL_STDOUT,
			control->chunk, (size_t)size);
	return size > 0;
}

/* Process 1 runs: from here on the LibOS's words are for the journal. */
static void tell_start(struct control *control)
{
	const struct control_options *options = control->options;
	char byte = 0;

	if (control->told_start || !__atomic_load_n(&control->mailbox->started, __ATOMIC_ACQUIRE))
		return;
	control->told_start = true;
	if (options->started)
		*options->started = true;
	if (options->log_fd >= 0)
		dup3(options->output_fd, options->log_fd, O_CLOEXEC);
	if (options->started_fd >= 0) {
		(void)!write(options->started_fd, &byte, 1);
		close(options->started_fd);
	}
}

/* ---- The thread --------------------------------------------------------------------------------
 */

static void take_news(struct control *control)
{
	uint64_t count;

	(void)!read(control->notify_fd, &count, sizeof(count));
	tell_start(control);
	take_answer(control);
	take_ends(control);
}

static void *serve(void *of)
{
	struct control *control = of;
	const struct control_options *options = control->options;
	struct pollfd polls[FIXED_POLL_COUNT + CLIENT_COUNT_MAX] = {
		{.fd = control->notify_fd, .events = POLLIN},
		{.fd = control->stop_fd, .events = POLLIN},
		{.fd = options->listen_fd, .events = POLLIN},
		{.fd = options->output_fds[0], .events = POLLIN},
		{.fd = options->output_fds[1], .events = POLLIN},
	};

	while (!polls[1].revents) {
		for (size_t i = 0; i < CLIENT_COUNT_MAX; i++)
			polls[FIXED_POLL_COUNT + i] = (struct pollfd){
				.fd = control->clients[i].is_stuck ? -1 : control->clients[i].fd,
				.events = POLLIN};
		if (poll(polls, ARRAY_SIZE(polls), -1) < 0)
			continue;
		if (polls[0].revents)
			take_news(control);
		if (polls[2].revents)
			client_accept(control);
		for (int stream = 0; stream < 2; stream++)
			if (polls[3 + stream].revents)
				take_output(control, stream);
		for (size_t i = 0; i < CLIENT_COUNT_MAX; i++)
			if (polls[FIXED_POLL_COUNT + i].revents &&
				polls[FIXED_POLL_COUNT + i].fd == control->clients[i].fd)
				serve_client(control, &control->clients[i]);
	}
	return NULL;
}

static int start_thread(struct control *control)
{
	sigset_t all, old;
	int r;

	/* Signals are the first thread's, which waits for the enclave. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	r = pthread_create(&control->thread, NULL, serve, control);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -r;
}

int control_start(const struct control_options *options, struct mailbox *mailbox,
	struct launch_live *live, int notify_fd, pid_t session, struct control **ret,
	struct image_error *error)
{
	struct control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return image_fail_errno(error, -ENOMEM, "the control socket");
	control->options = options;
	control->mailbox = mailbox;
	control->live = live;
	control->notify_fd = notify_fd;
	control->session = session;
	for (size_t i = 0; i < CLIENT_COUNT_MAX; i++)
		control->clients[i].fd = -1;
	control->stop_fd = eventfd(0, EFD_CLOEXEC);
	r = control->stop_fd < 0 ? -errno : start_thread(control);
	if (r) {
		free(control);
		return image_fail_errno(error, r, "the control socket");
	}
	*ret = control;
	return 0;
}

bool control_finish(struct control *control)
{
	uint64_t one = 1;
	bool killed;

	if (!control)
		return false;
	(void)!write(control->stop_fd, &one, sizeof(one));
	pthread_join(control->thread, NULL);
	take_news(control);
	for (int stream = 0; stream < 2; stream++)
		while (take_output(control, stream))
			continue;
	for (size_t i = 0; i < CLIENT_COUNT_MAX; i++)
		if (control->clients[i].fd >= 0)
			client_close(&control->clients[i]);
	close(control->stop_fd);
	killed = control->killed;
	free(control);
	return killed;
}

/* ---- Connections -------------------------------------------------------------------------------
 */

/* The address of the socket: by the descriptor of its directory, since a path may be too long. */
static struct sockaddr_un address_in(int directory)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" CONTROL_NAME,
		directory);
	return address;
}

int control_listen(int directory, int *ret_fd, struct image_error *error)
{
	struct sockaddr_un address = address_in(directory);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;
	mode_t mask;

	if (fd < 0)
		return image_fail_errno(error, -errno, "the control socket");
	mask = umask(0177);
	r = bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
			    listen(fd, CLIENT_COUNT_MAX) < 0
		    ? -errno
		    : 0;
	umask(mask);
	if (r) {
		close(fd);
		return image_fail_errno(error, r, "the control socket");
	}
	*ret_fd = fd;
	return 0;
}

int control_connect(int directory)
{
	struct sockaddr_un address = address_in(directory);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int control_send(int fd, const struct control_request *request, const int streams[3])
{
	char space[CMSG_SPACE(3 * sizeof(int))] = {0};
	struct iovec part = {
		(void *)request, CONTROL_REQUEST_SIZE_MIN + request->body.strings_size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *header;

	if (streams) {
		message.msg_control = space;
		message.msg_controllen = sizeof(space);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(3 * sizeof(int));
		memcpy(CMSG_DATA(header), streams, 3 * sizeof(int));
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int control_receive(int fd, struct control_reply *ret_reply)
{
	ssize_t size;

	do {
		size = recv(fd, ret_reply, sizeof(*ret_reply), 0);
	} while (size < 0 && errno == EINTR);
	if (size == 0 || (size < 0 && errno == ECONNRESET))
		return 0;
	if (size < (ssize_t)CONTROL_REPLY_SIZE_MIN + 1)
		return size < 0 ? -errno : -EBADMSG;
	if (ret_reply->text_size != (size_t)size - CONTROL_REPLY_SIZE_MIN - 1)
		return -EBADMSG;
	ret_reply->text[ret_reply->text_size] = '\0';
	return 1;
}
