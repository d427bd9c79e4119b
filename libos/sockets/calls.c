/* The socket system calls. Sockets of the AF_UNIX family alone exist here. */
#include <asm/socket.h>
#include <linux/errno.h>
#include <linux/fcntl.h>

#include "libos/files/descriptors.h"
#include "libos/processes/thread.h"
#include "libos/signals/signal.h"
#include "libos/sockets/constants.h"
#include "libos/sockets/message.h"
#include "libos/syscalls/syscall.h"
#include "libos/syscalls/timeout.h"
#include "platform/platform.h"

#define KNOWN_FLAGS (O_CLOEXEC | O_NONBLOCK) /* SOCK_CLOEXEC, SOCK_NONBLOCK */
#define MESSAGE_COUNT_MAX 1024U

/* struct mmsghdr */
struct user_message_slot {
	struct user_message message;
	uint32_t size, padding;
};

/* ---- Descriptors ---- */

/* The socket of @fd and its file, referenced: -EBADF, -ENOTSOCK. */
static int get(uint64_t fd, struct file **ret_file, struct unix_socket **ret_socket)
{
	struct file *file = fd_get((int)fd);

	*ret_file = NULL;
	if (!file)
		return -EBADF;
	*ret_socket = unix_socket_of(file);
	if (!*ret_socket) {
		file_unref(file);
		return -ENOTSOCK;
	}
	*ret_file = file;
	return 0;
}

static uint32_t blocking_flags(const struct file *file, uint64_t flags)
{
	return (uint32_t)flags | (file->flags & O_NONBLOCK ? MSG_DONTWAIT : 0);
}

/* A descriptor for @socket, whose reference is taken over in any case. */
static int install(struct unix_socket *socket, uint32_t flags)
{
	struct file *file = unix_socket_file(socket, flags & O_NONBLOCK);
	int fd;

	if (!file) {
		unix_socket_close(socket);
		return -ENOMEM;
	}
	fd = fd_install(file, 0, flags & O_CLOEXEC);
	if (fd < 0)
		file_unref(file);
	return fd;
}

static int check_kind(uint64_t family, uint64_t type, uint64_t protocol, uint32_t *ret_type)
{
	uint32_t kind = (uint32_t)type & SOCK_TYPE_MASK;

	if ((uint32_t)type & ~(uint32_t)(SOCK_TYPE_MASK | KNOWN_FLAGS))
		return -EINVAL;
	if ((int)family != AF_UNIX)
		return -EAFNOSUPPORT;
	if (kind > SOCK_SEQPACKET + 5)
		return -EINVAL;
	if ((int)protocol != 0 && (int)protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	if (kind != SOCK_STREAM && kind != SOCK_DGRAM && kind != SOCK_RAW && kind != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	*ret_type = kind == SOCK_RAW ? SOCK_DGRAM : kind;
	return 0;
}

long sys_socket(struct thread *thread, const struct syscall_args *args)
{
	struct unix_socket *socket;
	uint32_t type;
	int r = check_kind(args->a, args->b, args->c, &type);

	(void)thread;
	if (r)
		return r;
	socket = unix_socket_new(type);
	return socket ? install(socket, (uint32_t)args->b & KNOWN_FLAGS) : -ENOMEM;
}

static int install_pair(struct unix_socket *a, struct unix_socket *b, uint32_t flags, int fds[2])
{
	fds[0] = install(a, flags);
	if (fds[0] < 0) {
		unix_socket_close(b);
		return fds[0];
	}
	fds[1] = install(b, flags);
	if (fds[1] >= 0)
		return 0;
	(void)!fd_close(fds[0]);
	return fds[1];
}

long sys_socketpair(struct thread *thread, const struct syscall_args *args)
{
	struct unix_socket *a, *b;
	uint32_t type;
	int fds[2], r = check_kind(args->a, args->b, args->c, &type);

	(void)thread;
	if (r)
		return r;
	a = unix_socket_new(type);
	b = unix_socket_new(type);
	if (!a || !b) {
		unix_socket_unref(a);
		unix_socket_unref(b);
		return -ENOMEM;
	}
	unix_pair(a, b);
	r = install_pair(a, b, (uint32_t)args->b & KNOWN_FLAGS, fds);
	if (r)
		return r;
	if (!user_write(args->d, fds, sizeof(fds)))
		return 0;
	(void)!fd_close(fds[0]);
	(void)!fd_close(fds[1]);
	return -EFAULT;
}

/* ---- Addresses and connections ---- */

long sys_bind(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct unix_address address;
	struct unix_socket *socket;
	int r = get(args->a, &file, &socket);

	(void)thread;
	if (!r)
		r = address_read(&address, args->b, (uint32_t)args->c);
	return r ? r : unix_bind(socket, &address);
}

long sys_listen(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct unix_socket *socket;
	int r = get(args->a, &file, &socket);

	(void)thread;
	return r ? r : unix_listen(socket, (int)args->b);
}

long sys_connect(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct unix_address address;
	struct unix_socket *socket;
	int r = get(args->a, &file, &socket);

	(void)thread;
	if (!r)
		r = address_read(&address, args->b, (uint32_t)args->c);
	return r ? r : unix_connect(socket, &address, !(file->flags & O_NONBLOCK));
}

/* An address of at most *length_at bytes, as getsockname(2) and accept(2) return it. */
static int put_address(const struct unix_name *name, uint64_t to, uint64_t length_at)
{
	uint32_t length;
	int r;

	if (USER_GET(&length, length_at))
		return -EFAULT;
	r = address_write(name, to, &length);
	return r ? r : USER_PUT(length_at, length);
}

static int put_peer_name(struct unix_socket *socket, uint64_t to, uint64_t length_at)
{
	CLEANUP(unix_socket_unrefp) struct unix_socket *peer = unix_socket_peer(socket);

	return peer ? put_address(peer->name, to, length_at) : -ENOTCONN;
}

static long accept_with(const struct syscall_args *args, uint64_t flags)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct unix_socket *socket, *accepted;
	int fd, r = get(args->a, &file, &socket);

	if (!r && flags & ~(uint64_t)KNOWN_FLAGS)
		r = -EINVAL;
	if (!r)
		r = unix_accept(socket, !(file->flags & O_NONBLOCK), &accepted);
	if (r)
		return r;
	if (args->b)
		r = put_peer_name(accepted, args->b, args->c);
	if (r == -EFAULT || r == -EINVAL) {
		unix_socket_close(accepted);
		return r;
	}
	fd = install(accepted, (uint32_t)flags);
	return fd;
}

long sys_accept(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return accept_with(args, 0);
}

long sys_accept4(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return accept_with(args, (uint32_t)args->d);
}

long sys_getsockname(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct unix_socket *socket;
	int r = get(args->a, &file, &socket);

	(void)thread;
	return r ? r : put_address(socket->name, args->b, args->c);
}

long sys_getpeername(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct unix_socket *socket;
	int r = get(args->a, &file, &socket);

	(void)thread;
	return r ? r : put_peer_name(socket, args->b, args->c);
}

long sys_shutdown(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct unix_socket *socket;
	int r = get(args->a, &file, &socket);

	(void)thread;
	return r ? r : unix_shutdown(socket, (int)args->b);
}

long sys_setsockopt(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct unix_socket *socket;
	int r = get(args->a, &file, &socket);

	(void)thread;
	if (r)
		return r;
	if ((int)args->e < 0)
		return -EINVAL;
	if ((int)args->b != SOL_SOCKET)
		return -EOPNOTSUPP;
	return unix_set_option(socket, (int)args->c, args->d, (uint32_t)args->e);
}

long sys_getsockopt(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct unix_socket *socket;
	uint32_t size;
	int r = get(args->a, &file, &socket);

	(void)thread;
	if (r)
		return r;
	if ((int)args->b != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (USER_GET(&size, args->e))
		return -EFAULT;
	if ((int)size < 0)
		return -EINVAL;
	r = unix_get_option(socket, (int)args->c, args->d, &size);
	return r ? r : USER_PUT(args->e, size);
}

/* ---- Sending ---- */

long sys_sendto(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(message_done) struct message message = {0};
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct unix_socket *socket;
	int r;

	(void)thread;
	if (args->c > INT64_MAX || !platform_is_user(args->b, args->c))
		return -EFAULT;
	r = get(args->a, &file, &socket);
	if (!r && args->e)
		r = address_read(&message.to, args->e, (uint32_t)args->f);
	if (r)
		return r;
	io_init_user(&message.io, args->b, args->c);
	return unix_send(socket, &message, blocking_flags(file, args->d));
}

static long send_message(
	struct unix_socket *socket, const struct user_message *user, uint32_t flags)
{
	CLEANUP(message_done) struct message message = {0};
	int r = message_read(&message, user);

	return r ? r : unix_send(socket, &message, flags);
}

long sys_sendmsg(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct unix_socket *socket;
	struct user_message user;
	int r = get(args->a, &file, &socket);

	(void)thread;
	if (r)
		return r;
	if (USER_GET(&user, args->b))
		return -EFAULT;
	return send_message(socket, &user, blocking_flags(file, args->c));
}

long sys_sendmmsg(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	uint32_t count = MIN((uint32_t)args->c, MESSAGE_COUNT_MAX), done;
	struct unix_socket *socket;
	long r = get(args->a, &file, &socket);

	(void)thread;
	if (r)
		return r;
	for (done = 0; done < count; done++) {
		uint64_t at = args->b + done * sizeof(struct user_message_slot);
		struct user_message_slot slot;

		r = USER_GET(&slot, at);
		if (!r)
			r = send_message(socket, &slot.message, blocking_flags(file, args->d));
		if (r >= 0)
			r = USER_PUT(at + offsetof(struct user_message_slot, size), (uint32_t)r);
		if (r < 0)
			break;
	}
	return done ? (long)done : r;
}

/* ---- Receiving ---- */

long sys_recvfrom(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(message_done) struct message message = {0};
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct unix_socket *socket;
	uint32_t none = 0;
	long n;
	int r;

	(void)thread;
	if (args->c > INT64_MAX || !platform_is_user(args->b, args->c))
		return -EFAULT;
	r = get(args->a, &file, &socket);
	if (r)
		return r;
	io_init_user(&message.io, args->b, args->c);
	n = unix_receive(socket, &message, blocking_flags(file, args->d));
	if (n < 0 || !args->e)
		return n;
	/* Without a name there is no address at all. */
	r = message.from ? put_address(message.from, args->e, args->f) : USER_PUT(args->f, none);
	return r ? r : n;
}

static long receive_message(struct unix_socket *socket, uint64_t at, uint32_t flags)
{
	CLEANUP(message_done) struct message message = {0};
	struct user_message user;
	int r;
	long n;

	if (USER_GET(&user, at))
		return -EFAULT;
	r = message_read_vectors(&message, &user);
	if (r)
		return r;
	n = unix_receive(socket, &message, flags);
	if (n < 0)
		return n;
	r = message_write(&message, &user, flags, socket->pass_credentials);
	if (!r && user.name)
		r = USER_PUT(at + offsetof(struct user_message, name_length), user.name_length);
	if (!r)
		r = USER_PUT(at + offsetof(struct user_message, control_size), user.control_size);
	if (!r)
		r = USER_PUT(at + offsetof(struct user_message, flags), user.flags);
	return r ? r : n;
}

long sys_recvmsg(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct unix_socket *socket;
	int r = get(args->a, &file, &socket);

	(void)thread;
	return r ? r : receive_message(socket, args->b, blocking_flags(file, args->c));
}

static long receive_messages(
	struct unix_socket *socket, uint64_t at, uint32_t count, uint32_t flags, uint64_t deadline)
{
	uint32_t done;
	long r = 0;

	for (done = 0; done < count; done++, at += sizeof(struct user_message_slot)) {
		r = receive_message(socket, at, flags);
		if (r >= 0)
			r = USER_PUT(at + offsetof(struct user_message_slot, size), (uint32_t)r);
		if (r < 0)
			break;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		/* Looked at between messages only, as Linux does. */
		if (deadline != WAIT_FOREVER && platform_monotonic_ns() >= deadline)
			return done + 1;
	}
	return done ? (long)done : r;
}

long sys_recvmmsg(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	uint32_t count = MIN((uint32_t)args->c, MESSAGE_COUNT_MAX);
	struct unix_socket *socket;
	uint64_t deadline;
	int r = get(args->a, &file, &socket);

	(void)thread;
	if (!r)
		r = timeout_from_timespec(args->e, &deadline);
	return r ? r
		 : receive_messages(
			   socket, args->b, count, blocking_flags(file, args->d), deadline);
}
