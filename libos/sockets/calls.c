/* The socket system calls, for all families. */
#include <asm/socket.h>
#include <linux/errno.h>
#include <linux/fcntl.h>

#include "libos/files/descriptors.h"
#include "libos/processes/thread.h"
#include "libos/security/landlock.h"
#include "libos/signals/signal.h"
#include "libos/sockets/inet.h"
#include "libos/sockets/message.h"
#include "libos/sockets/netlink.h"
#include "libos/syscalls/syscall.h"
#include "libos/syscalls/timeout.h"
#include "platform/platform.h"

#define KNOWN_FLAGS (O_CLOEXEC | O_NONBLOCK) /* SOCK_CLOEXEC, SOCK_NONBLOCK */
#define SOCK_TYPE_LAST 10
#define MESSAGE_COUNT_MAX 1024U

/* struct mmsghdr */
struct user_message_slot {
	struct user_message message;
	uint32_t size, padding;
};

/* ---- Descriptors ---- */

/* The socket of @fd and its file, referenced: -EBADF, -ENOTSOCK. */
static int get(uint64_t fd, struct file **ret_file, struct socket **ret_socket)
{
	struct file *file = fd_get((int)fd);

	*ret_file = NULL;
	if (!file)
		return -EBADF;
	*ret_socket = socket_of(file);
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
static int install(struct socket *socket, uint32_t flags)
{
	struct file *file = socket_file(socket, flags & O_NONBLOCK);
	int fd;

	if (!file) {
		socket->ops->close(socket);
		return -ENOMEM;
	}
	fd = fd_install(file, 0, flags & O_CLOEXEC);
	if (fd < 0)
		file_unref(file);
	return fd;
}

struct family {
	int (*create)(uint32_t type, uint32_t protocol, struct socket **ret_socket);
	int (*create_pair)(uint32_t type, uint32_t protocol, struct socket *pair[2]);
};

static const struct family families[AF_COUNT] = {
	[AF_UNIX] = {unix_create, unix_create_pair},
	[AF_INET] = {inet_create, NULL},
	[AF_INET6] = {inet6_create, NULL},
	[AF_NETLINK] = {netlink_create, NULL},
};

static int check_kind(uint64_t family, uint64_t type)
{
	if ((uint32_t)type & ~(uint32_t)(SOCK_TYPE_MASK | KNOWN_FLAGS))
		return -EINVAL;
	if ((uint32_t)family >= AF_COUNT || !families[(uint32_t)family].create)
		return -EAFNOSUPPORT;
	return ((uint32_t)type & SOCK_TYPE_MASK) > SOCK_TYPE_LAST ? -EINVAL : 0;
}

long sys_socket(struct thread *thread, const struct syscall_args *args)
{
	struct socket *socket;
	int r = check_kind(args->a, args->b);

	(void)thread;
	if (!r)
		r = families[(uint32_t)args->a].create(
			(uint32_t)args->b & SOCK_TYPE_MASK, (uint32_t)args->c, &socket);
	return r ? r : install(socket, (uint32_t)args->b & KNOWN_FLAGS);
}

static int install_pair(struct socket *a, struct socket *b, uint32_t flags, int fds[2])
{
	fds[0] = install(a, flags);
	if (fds[0] < 0) {
		b->ops->close(b);
		return fds[0];
	}
	fds[1] = install(b, flags);
	if (fds[1] >= 0)
		return 0;
	(void)!fd_close(fds[0]);
	return fds[1];
}

/* A family without pairs: what is wrong with the kind of socket comes first. */
static int refuse_pair(const struct syscall_args *args)
{
	struct socket *socket;
	int r = families[(uint32_t)args->a].create(
		(uint32_t)args->b & SOCK_TYPE_MASK, (uint32_t)args->c, &socket);

	if (r)
		return r;
	socket->ops->close(socket);
	return -EOPNOTSUPP;
}

long sys_socketpair(struct thread *thread, const struct syscall_args *args)
{
	struct socket *pair[2];
	int fds[2], r = check_kind(args->a, args->b);

	(void)thread;
	if (r)
		return r;
	if (!families[(uint32_t)args->a].create_pair)
		return refuse_pair(args);
	r = families[(uint32_t)args->a].create_pair(
		(uint32_t)args->b & SOCK_TYPE_MASK, (uint32_t)args->c, pair);
	if (r)
		return r;
	r = install_pair(pair[0], pair[1], (uint32_t)args->b & KNOWN_FLAGS, fds);
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
	struct socket_address address;
	struct socket *socket;
	int r = get(args->a, &file, &socket);

	(void)thread;
	if (!r)
		r = address_read(&address, args->b, (uint32_t)args->c);
	if (r)
		return r;
	r = landlock_check_address(socket, &address, LANDLOCK_BIND_TCP);
	if (r)
		return r;
	return socket->ops->bind ? socket->ops->bind(socket, &address) : -EOPNOTSUPP;
}

long sys_listen(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct socket *socket;
	int r = get(args->a, &file, &socket);

	(void)thread;
	if (r)
		return r;
	return socket->ops->listen ? socket->ops->listen(socket, (int)args->b) : -EOPNOTSUPP;
}

long sys_connect(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct socket_address address;
	struct socket *socket;
	int r = get(args->a, &file, &socket);

	(void)thread;
	if (!r)
		r = address_read(&address, args->b, (uint32_t)args->c);
	if (r)
		return r;
	r = landlock_check_address(socket, &address, LANDLOCK_CONNECT_TCP);
	if (r)
		return r;
	if (!socket->ops->connect)
		return -EOPNOTSUPP;
	return socket->ops->connect(socket, &address, !(file->flags & O_NONBLOCK));
}

/* An address of at most *length_at bytes, as getsockname(2) and accept(2) return it. */
static int put_address(const struct socket_address *address, uint64_t to, uint64_t length_at)
{
	uint32_t length;
	int r;

	if (USER_GET(&length, length_at))
		return -EFAULT;
	r = address_write(address, to, &length);
	return r ? r : USER_PUT(length_at, length);
}

static int put_name(struct socket *socket, bool is_peer, uint64_t to, uint64_t length_at)
{
	struct socket_address address = {0};
	int r = socket->ops->name(socket, is_peer, &address);

	return r ? r : put_address(&address, to, length_at);
}

static long accept_with(const struct syscall_args *args, uint64_t flags)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct socket *socket, *accepted;
	int fd, r = get(args->a, &file, &socket);

	if (!r && flags & ~(uint64_t)KNOWN_FLAGS)
		r = -EINVAL;
	if (!r)
		r = socket->ops->accept
			    ? socket->ops->accept(socket, !(file->flags & O_NONBLOCK), &accepted)
			    : -EOPNOTSUPP;
	if (r)
		return r;
	if (args->b)
		r = put_name(accepted, true, args->b, args->c);
	if (r == -EFAULT || r == -EINVAL) {
		accepted->ops->close(accepted);
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
	struct socket *socket;
	int r = get(args->a, &file, &socket);

	(void)thread;
	return r ? r : put_name(socket, false, args->b, args->c);
}

long sys_getpeername(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct socket *socket;
	int r = get(args->a, &file, &socket);

	(void)thread;
	return r ? r : put_name(socket, true, args->b, args->c);
}

long sys_shutdown(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct socket *socket;
	int r = get(args->a, &file, &socket);

	(void)thread;
	if (r)
		return r;
	/* SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2 */
	if ((uint32_t)args->b > 2)
		return -EINVAL;
	if (!socket->ops->shutdown)
		return -EOPNOTSUPP;
	return socket->ops->shutdown(socket, (uint32_t)args->b + 1);
}

long sys_setsockopt(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct socket *socket;
	int r = get(args->a, &file, &socket);

	(void)thread;
	if (r)
		return r;
	if ((int)args->e < 0)
		return -EINVAL;
	r = socket->ops->set_option(socket, (int)args->b, (int)args->c, args->d, (uint32_t)args->e);
	if (r != -ENOPROTOOPT || (int)args->b != SOL_SOCKET)
		return r;
	return socket_set_option(socket, (int)args->c, args->d, (uint32_t)args->e);
}

long sys_getsockopt(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct socket *socket;
	uint32_t size;
	int r = get(args->a, &file, &socket);

	(void)thread;
	if (r)
		return r;
	if (USER_GET(&size, args->e))
		return -EFAULT;
	if ((int)size < 0)
		return -EINVAL;
	r = socket->ops->get_option(socket, (int)args->b, (int)args->c, args->d, &size);
	if (r == -ENOPROTOOPT && (int)args->b == SOL_SOCKET)
		r = socket_get_option(socket, (int)args->c, args->d, &size);
	return r ? r : USER_PUT(args->e, size);
}

/* ---- Sending ---- */

long sys_sendto(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(message_done) struct message message = {0};
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct socket *socket;
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
	return socket->ops->send(socket, &message, blocking_flags(file, args->d));
}

static long send_message(struct socket *socket, const struct user_message *user, uint32_t flags)
{
	CLEANUP(message_done) struct message message = {0};
	int r = message_read(&message, user);

	return r ? r : socket->ops->send(socket, &message, flags);
}

long sys_sendmsg(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct socket *socket;
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
	struct socket *socket;
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

/* Without a name there is no address at all. */
static int put_sender(const struct socket_address *from, uint64_t to, uint64_t length_at)
{
	int32_t length;

	if (from->length)
		return put_address(from, to, length_at);
	if (USER_GET(&length, length_at))
		return -EFAULT;
	return length < 0 ? -EINVAL : USER_PUT(length_at, (uint32_t)0);
}

long sys_recvfrom(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(message_done) struct message message = {0};
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct socket *socket;
	long n;
	int r;

	(void)thread;
	if (args->c > INT64_MAX || !platform_is_user(args->b, args->c))
		return -EFAULT;
	r = get(args->a, &file, &socket);
	if (r)
		return r;
	io_init_user(&message.io, args->b, args->c);
	message.wants_from = args->e;
	n = socket->ops->receive(socket, &message, blocking_flags(file, args->d));
	if (n < 0 || !args->e)
		return n;
	r = put_sender(&message.from, args->e, args->f);
	return r ? r : n;
}

static long receive_message(struct socket *socket, uint64_t at, uint32_t flags)
{
	CLEANUP(message_done) struct message message = {0};
	struct user_message user;
	int r;
	long n;

	if (USER_GET(&user, at))
		return -EFAULT;
	if ((int32_t)user.name_length < 0)
		return -EINVAL;
	r = message_read_vectors(&message, &user);
	if (r)
		return r;
	message.wants_from = user.name;
	n = socket->ops->receive(socket, &message, flags);
	if (n < 0)
		return n;
	r = message_write(&message, &user, flags);
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
	struct socket *socket;
	int r = get(args->a, &file, &socket);

	(void)thread;
	return r ? r : receive_message(socket, args->b, blocking_flags(file, args->c));
}

static long receive_messages(
	struct socket *socket, uint64_t at, uint32_t count, uint32_t flags, uint64_t deadline)
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
	struct socket *socket;
	uint64_t deadline;
	int r = get(args->a, &file, &socket);

	(void)thread;
	if (!r)
		r = timeout_from_timespec(args->e, &deadline);
	return r ? r
		 : receive_messages(
			   socket, args->b, count, blocking_flags(file, args->d), deadline);
}
