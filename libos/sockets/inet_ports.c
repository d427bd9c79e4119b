/* Who holds which port. */
#include <asm/errno.h>
#include <asm/socket.h>

#include "libos/processes/process.h"
#include "libos/sockets/inet.h"

#define BUCKET_COUNT 1024U
#define EPHEMERAL_FIRST 32768U /* net.ipv4.ip_local_port_range */
#define EPHEMERAL_COUNT 28232U
#define PRIVILEGED_END 1024U /* net.ipv4.ip_unprivileged_port_start */
#define CAP_NET_BIND_SERVICE 10

/* Sockets with a port of their own, and accepted ones, which are many and nobody looks for. */
struct bucket {
	struct lock lock;
	struct list bound, accepted; /* NULL links: not used yet */
};

static struct bucket streams[BUCKET_COUNT], datagrams[BUCKET_COUNT];

static struct bucket *bucket_at(uint32_t type, uint32_t port)
{
	struct bucket *bucket = &(type == SOCK_STREAM ? streams : datagrams)[port % BUCKET_COUNT];

	LOCK_SCOPE(&bucket->lock);
	if (!bucket->bound.next) {
		list_init(&bucket->bound);
		list_init(&bucket->accepted);
	}
	return bucket;
}

/* Would the same packets be for both? */
static bool overlap(const struct inet_socket *a, const struct inet_address *a_address,
	const struct inet_socket *b)
{
	const struct inet_address *b_address = &b->local;
	bool a_any = inet_address_is_any(a_address), b_any = inet_address_is_any(b_address);
	bool a_v4 = inet_address_is_v4(a_address), b_v4 = inet_address_is_v4(b_address);

	if (a_v4 != b_v4) {
		const struct inet_socket *v6 = a_v4 ? b : a;

		/* An IPv6 socket on any address takes IPv4, too, unless told otherwise. */
		return (a_v4 ? b_any : a_any) && !v6->numbers[NUMBER_V6_ONLY];
	}
	return a_any || b_any || inet_address_same(a_address, b_address);
}

static bool may_share(const struct inet_socket *a, const struct inet_socket *b)
{
	if (socket_flag(&a->base, SO_REUSEPORT) && socket_flag(&b->base, SO_REUSEPORT) &&
		a->owner_uid == b->owner_uid)
		return true;
	if (!socket_flag(&a->base, SO_REUSEADDR) || !socket_flag(&b->base, SO_REUSEADDR))
		return false;
	return !inet_is_stream(a) || (a->state != INET_LISTENING && b->state != INET_LISTENING);
}

/* The bucket is locked. */
static bool is_taken_in(const struct list *list, const struct inet_socket *socket,
	const struct inet_address *address)
{
	const struct inet_socket *other;

	LIST_FOR_EACH (other, list, port_link)
		if (other != socket && other->local.port == address->port &&
			overlap(socket, address, other) && !may_share(socket, other))
			return true;
	return false;
}

static int take_port(struct inet_socket *socket, const struct inet_address *address)
{
	struct bucket *bucket = bucket_at(socket->base.type, address->port);

	LOCK_SCOPE(&bucket->lock);
	if (is_taken_in(&bucket->bound, socket, address) ||
		is_taken_in(&bucket->accepted, socket, address))
		return -EADDRINUSE;
	LOCK_SCOPE(&socket->base.lock);
	socket->local = *address;
	/* The last to come are the first to be found: as in the kernel. */
	list_add(&bucket->bound, &socket->port_link);
	return 0;
}

static int take_any_port(struct inet_socket *socket, struct inet_address address)
{
	uint32_t start;
	int r = -EADDRINUSE;

	platform_random(&start, sizeof(start));
	for (uint32_t i = 0; i < EPHEMERAL_COUNT && r; i++) {
		address.port = (uint16_t)(EPHEMERAL_FIRST + (start + i) % EPHEMERAL_COUNT);
		r = take_port(socket, &address);
	}
	return r;
}

/* A datagram socket that is bound to one gets nothing else. */
static bool is_group(const struct inet_socket *socket, const struct inet_address *address)
{
	return !inet_is_stream(socket) && inet_address_is_group(address);
}

int inet_bind(struct inet_socket *socket, const struct inet_address *address)
{
	const struct thread *thread = thread_current();

	if (!inet_address_is_own(address) && !is_group(socket, address) &&
		!socket->numbers[NUMBER_FREEBIND])
		return -EADDRNOTAVAIL;
	if (address->port && address->port < PRIVILEGED_END &&
		!credentials_can(&thread->credentials, CAP_NET_BIND_SERVICE))
		return -EACCES;
	if (!list_is_empty(&socket->port_link))
		return -EINVAL;
	socket->owner_uid = thread->credentials.euid;
	return address->port ? take_port(socket, address) : take_any_port(socket, *address);
}

int inet_bind_somewhere(struct inet_socket *socket)
{
	struct inet_address any = socket->base.family == AF_INET ? inet_address_v4(0, 0)
								 : (struct inet_address){{0}, 0};
	int r;

	if (!list_is_empty(&socket->port_link))
		return 0;
	r = inet_bind(socket, &any);
	return r == -EADDRINUSE ? -EAGAIN : r;
}

void inet_share_port(struct inet_socket *accepted, const struct inet_socket *listener)
{
	struct bucket *bucket = bucket_at(SOCK_STREAM, listener->local.port);

	accepted->is_accepted = true;
	accepted->owner_uid = listener->owner_uid;
	accepted->base.flags = listener->base.flags;
	LOCK_SCOPE(&bucket->lock);
	list_add(&bucket->accepted, &accepted->port_link);
}

void inet_unbind(struct inet_socket *socket)
{
	struct bucket *bucket;

	if (!socket->local.port)
		return;
	bucket = bucket_at(socket->base.type, socket->local.port);
	LOCK_SCOPE(&bucket->lock);
	list_remove(&socket->port_link);
}

int inet_may_listen(struct inet_socket *socket)
{
	struct bucket *bucket = bucket_at(SOCK_STREAM, socket->local.port);
	struct inet_socket *other;

	LOCK_SCOPE(&bucket->lock);
	LIST_FOR_EACH (other, &bucket->bound, port_link) {
		if (other == socket || other->state != INET_LISTENING ||
			other->local.port != socket->local.port ||
			!overlap(socket, &socket->local, other))
			continue;
		if (!socket_flag(&socket->base, SO_REUSEPORT) ||
			!socket_flag(&other->base, SO_REUSEPORT))
			return -EADDRINUSE;
	}
	return 0;
}

/* How well a socket fits what goes from @from to @to: 0 not at all. */
static uint32_t fitness(const struct inet_socket *socket, const struct inet_address *to,
	const struct inet_address *from)
{
	const struct inet_address *local = &socket->local;
	uint32_t points = 1;

	if (local->port != to->port)
		return 0;
	if (inet_is_stream(socket) && socket->state != INET_LISTENING)
		return 0;
	if (inet_address_is_any(local)) {
		bool v4 = inet_address_is_v4(to);

		if (inet_address_is_v4(local) ? !v4 : v4 && socket->numbers[NUMBER_V6_ONLY])
			return 0;
	} else {
		if (!inet_address_same(local, to))
			return 0;
		points += 2;
	}
	if (!inet_is_stream(socket) && socket->remote.port) {
		if (socket->remote.port != from->port || !inet_address_same(&socket->remote, from))
			return 0;
		points += 4;
	}
	return points;
}

/* The best; where several are alike (SO_REUSEPORT), one of them by @turn. */
struct inet_socket *inet_find(
	uint32_t type, const struct inet_address *to, const struct inet_address *from)
{
	struct bucket *bucket = bucket_at(type, to->port);
	struct inet_socket *socket, *best = NULL;
	uint32_t best_points = 0, alike = 0;

	LOCK_SCOPE(&bucket->lock);
	LIST_FOR_EACH (socket, &bucket->bound, port_link) {
		uint32_t points = fitness(socket, to, from);

		if (!points || points < best_points)
			continue;
		alike = points == best_points ? alike + 1 : 1;
		/* The sender's port decides, so that one sender's packets stay together. */
		if (points > best_points ||
			(socket_flag(&socket->base, SO_REUSEPORT) && from->port % alike == 0))
			best = socket;
		best_points = points;
	}
	return best ? inet_ref(best) : NULL;
}

static bool each_in(
	struct list *list, bool (*visit)(struct inet_socket *socket, void *context), void *context)
{
	struct inet_socket *socket;

	LIST_FOR_EACH (socket, list, port_link)
		if (!visit(socket, context))
			return false;
	return true;
}

void inet_each(
	uint32_t type, bool (*visit)(struct inet_socket *socket, void *context), void *context)
{
	for (uint32_t i = 0; i < BUCKET_COUNT; i++) {
		struct bucket *bucket = bucket_at(type, i);

		LOCK_SCOPE(&bucket->lock);
		if (!each_in(&bucket->bound, visit, context) ||
			!each_in(&bucket->accepted, visit, context))
			return;
	}
}
