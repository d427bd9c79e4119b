#include "libos/sockets/netlink.h"

#include <asm/errno.h>
#include <asm/poll.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/poll.h"
#include "libos/processes/process.h"

#define REQUEST_SIZE_MAX 16384U
#define REPLIES_MAX 64U /* waiting in one socket */
#define PORT_IDS_FIRST 0xfffff000U

struct netlink_socket {
	struct socket base; /* its lock guards the replies */
	uint32_t port_id;   /* 0: not bound; under sockets_lock, with link */
	uint32_t groups;
	struct list link;
	struct list replies;
	uint32_t reply_count;
};

static struct lock sockets_lock;
static struct list sockets = LIST_INIT(sockets); /* those that are bound */

static struct netlink_socket *netlink_of(struct socket *socket)
{
	return CONTAINER_OF(socket, struct netlink_socket, base);
}

/* ---- Names ---- */

static bool is_taken(uint32_t port_id)
{
	struct netlink_socket *socket;

	LIST_FOR_EACH (socket, &sockets, link)
		if (socket->port_id == port_id)
			return true;
	return false;
}

/* @port_id 0: the process's number, if no other socket has it. */
static int bind_to(struct netlink_socket *socket, uint32_t port_id)
{
	static uint32_t next = PORT_IDS_FIRST;

	LOCK_SCOPE(&sockets_lock);
	if (socket->port_id)
		return !port_id || port_id == socket->port_id ? 0 : -EINVAL;
	if (port_id && is_taken(port_id))
		return -EADDRINUSE;
	if (!port_id)
		port_id = (uint32_t)thread_current()->process->pid;
	while (is_taken(port_id))
		port_id = next--;
	socket->port_id = port_id;
	list_add(&sockets, &socket->link);
	return 0;
}

static int op_bind(struct socket *base, const struct socket_address *address)
{
	if (address->length < sizeof(address->nl) || address->family != AF_NETLINK)
		return -EINVAL;
	netlink_of(base)->groups = address->nl.nl_groups;
	return bind_to(netlink_of(base), address->nl.nl_pid);
}

/* Only the kernel can be talked to. */
static int check_target(const struct socket_address *address)
{
	if (address->length < sizeof(address->nl) || address->family != AF_NETLINK)
		return -EINVAL;
	return address->nl.nl_pid ? -ECONNREFUSED : 0;
}

static int op_connect(struct socket *base, const struct socket_address *address, bool may_block)
{
	int r = check_target(address);

	(void)may_block;
	return r ? r : bind_to(netlink_of(base), 0);
}

static void put_name(uint32_t port_id, uint32_t groups, struct socket_address *ret_address)
{
	memset(ret_address, 0, sizeof(*ret_address));
	ret_address->length = sizeof(ret_address->nl);
	ret_address->nl.nl_family = AF_NETLINK;
	ret_address->nl.nl_pid = port_id;
	ret_address->nl.nl_groups = groups;
}

static int op_name(struct socket *base, bool is_peer, struct socket_address *ret_address)
{
	const struct netlink_socket *socket = netlink_of(base);

	put_name(is_peer ? 0 : socket->port_id, is_peer ? 0 : socket->groups, ret_address);
	return 0;
}

/* ---- Requests and answers ---- */

/* @reply is taken over. -ENOBUFS: too many wait, and it is dropped. */
static int queue_reply(struct netlink_socket *socket, struct netlink_reply *reply)
{
	bool is_full;

	lock_acquire(&socket->base.lock);
	is_full = socket->reply_count >= REPLIES_MAX;
	if (!is_full) {
		list_add_tail(&socket->replies, &reply->link);
		socket->reply_count++;
	}
	lock_release(&socket->base.lock);
	if (is_full)
		heap_free(reply);
	wait_wake(&socket->base.readable, SOCKET_READABLE);
	return is_full ? -ENOBUFS : 0;
}

static int answer(struct netlink_socket *socket, const struct nlmsghdr *header,
	const uint8_t *payload, uint32_t size)
{
	struct netlink_reply *reply = heap_alloc(sizeof(*reply));

	if (!reply)
		return -ENOBUFS;
	reply->port_id = socket->port_id;
	reply->sequence = header->nlmsg_seq;
	netlink_route_answer(reply, header, payload, size);
	if (reply->size)
		(void)!queue_reply(socket, reply); /* who does not read misses some */
	else
		heap_free(reply);
	return 0;
}

static int answer_all(struct netlink_socket *socket, const uint8_t *at, uint32_t size)
{
	struct nlmsghdr header;
	int r = 0;

	while (!r && size >= sizeof(header)) {
		uint32_t length;

		memcpy(&header, at, sizeof(header));
		length = header.nlmsg_len;
		if (length < sizeof(header) || length > size)
			break;
		if (header.nlmsg_flags & NLM_F_REQUEST && header.nlmsg_type >= NLMSG_MIN_TYPE)
			r = answer(socket, &header, at + sizeof(header),
				length - (uint32_t)sizeof(header));
		length = MIN(ALIGN_UP(length, 4U), size);
		at += length;
		size -= length;
	}
	return r;
}

static long op_send(struct socket *base, struct message *message, uint32_t flags)
{
	struct netlink_socket *socket = netlink_of(base);
	size_t size = message->io.left;
	CLEANUP(heap_freep) uint8_t *request = NULL;
	int r = message->to.length ? check_target(&message->to) : 0;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (!r)
		r = bind_to(socket, 0);
	if (r)
		return r;
	if (size > REQUEST_SIZE_MAX)
		return -EMSGSIZE;
	request = heap_alloc(MAX(size, 1UL));
	if (!request)
		return -ENOBUFS;
	if (size && io_take(&message->io, request, size) != (long)size)
		return -EFAULT;
	r = answer_all(socket, request, (uint32_t)size);
	return r ? r : (long)size;
}

static bool has_reply(struct socket *base)
{
	LOCK_SCOPE(&base->lock);
	return !list_is_empty(&netlink_of(base)->replies);
}

static struct netlink_reply *first_reply(struct netlink_socket *socket)
{
	LOCK_SCOPE(&socket->base.lock);
	if (list_is_empty(&socket->replies))
		return NULL;
	return LIST_FIRST(&socket->replies, struct netlink_reply, link);
}

static void remove_reply(struct netlink_socket *socket, struct netlink_reply *reply)
{
	lock_acquire(&socket->base.lock);
	list_remove(&reply->link);
	socket->reply_count--;
	lock_release(&socket->base.lock);
	heap_free(reply);
}

static int wait_for_reply(struct netlink_socket *socket, uint32_t flags)
{
	int r;

	if (flags & MSG_DONTWAIT)
		return -EAGAIN;
	lock_release(&socket->base.receive_lock);
	r = socket_wait(
		&socket->base, &socket->base.readable, has_reply, socket->base.receive_timeout_ns);
	lock_acquire(&socket->base.receive_lock);
	return r;
}

static long op_receive(struct socket *base, struct message *message, uint32_t flags)
{
	struct netlink_socket *socket = netlink_of(base);
	struct netlink_reply *reply;
	long n, size;
	int r = 0;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	LOCK_SCOPE(&base->receive_lock);
	while (!(reply = first_reply(socket)) && !r)
		r = wait_for_reply(socket, flags);
	if (r)
		return r;
	size = reply->size;
	n = io_put(&message->io, reply->bytes, MIN(message->io.left, (size_t)size));
	if (n < 0)
		return n;
	if (n < size)
		message->flags |= MSG_TRUNC;
	if (message->wants_from)
		put_name(0, 0, &message->from);
	if (!(flags & MSG_PEEK))
		remove_reply(socket, reply);
	return flags & MSG_TRUNC ? size : n;
}

static uint32_t op_poll(struct socket *base, struct poll_table *table)
{
	poll_wait(table, &base->readable);
	return SOCKET_WRITABLE | (has_reply(base) ? SOCKET_READABLE : 0);
}

/* ---- Options, the end ---- */

/* SOL_NETLINK's ask for details of answers and for news: neither is given. */
static int op_set_option(struct socket *base, int level, int option, uint64_t from, uint32_t size)
{
	(void)base, (void)option, (void)from, (void)size;
	return level == SOL_NETLINK ? 0 : -ENOPROTOOPT;
}

static int op_get_option(struct socket *base, int level, int option, uint64_t to, uint32_t *size)
{
	(void)base, (void)level, (void)option, (void)to, (void)size;
	return -ENOPROTOOPT;
}

static void op_close(struct socket *base)
{
	struct netlink_socket *socket = netlink_of(base);

	lock_acquire(&sockets_lock);
	list_remove(&socket->link);
	lock_release(&sockets_lock);
	socket_unref(base);
}

static void op_free(struct socket *base)
{
	struct netlink_socket *socket = netlink_of(base);
	struct netlink_reply *reply, *next;

	LIST_FOR_EACH_SAFE (reply, next, &socket->replies, link)
		heap_free(reply);
	heap_free(socket);
}

static const struct socket_ops netlink_ops = {
	.bind = op_bind,
	.connect = op_connect,
	.name = op_name,
	.send = op_send,
	.receive = op_receive,
	.set_option = op_set_option,
	.get_option = op_get_option,
	.poll = op_poll,
	.close = op_close,
	.free = op_free,
};

bool netlink_is(const struct socket *socket)
{
	return socket->ops == &netlink_ops;
}

int netlink_deliver(struct socket *socket, const void *bytes, uint32_t size)
{
	struct netlink_reply *reply;

	if (!netlink_is(socket) || size > NETLINK_REPLY_SIZE)
		return -EINVAL;
	reply = heap_alloc(sizeof(*reply));
	if (!reply)
		return -ENOMEM;
	memcpy(reply->bytes, bytes, size);
	reply->size = size;
	return queue_reply(netlink_of(socket), reply);
}

int netlink_create(uint32_t type, uint32_t protocol, struct socket **ret_socket)
{
	struct netlink_socket *socket;

	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (protocol != NETLINK_ROUTE)
		return -EPROTONOSUPPORT;
	socket = heap_alloc(sizeof(*socket));
	if (!socket)
		return -ENOMEM;
	socket_init(&socket->base, &netlink_ops, AF_NETLINK, type);
	list_init(&socket->link);
	list_init(&socket->replies);
	*ret_socket = &socket->base;
	return 0;
}
