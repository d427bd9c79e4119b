/* The peers of a published port: a table in which each address has one place, so that neither a
 * look-up nor a flood of senders costs more than that. */
#include "libos/sockets/inet_peers.h"

#include "base/memory.h"
#include "libos/core/heap.h"

struct peer {
	struct inet_address seen; /* port 0: nobody */
	struct platform_host_endpoint endpoint;
};

struct inet_peers {
	struct peer peers[INET_PEER_COUNT];
};

static struct peer *place_of(struct inet_peers *peers, const struct inet_address *seen)
{
	uint32_t hash = seen->port;

	for (size_t i = 0; i < sizeof(seen->bytes); i++)
		hash = hash * 31 + seen->bytes[i];
	return &peers->peers[hash % INET_PEER_COUNT];
}

static bool is_at(const struct peer *peer, const struct inet_address *seen)
{
	return peer->seen.port == seen->port &&
	       !memcmp(peer->seen.bytes, seen->bytes, sizeof(seen->bytes));
}

static struct inet_peers *peers_of(struct inet_socket *socket)
{
	struct inet_peers *peers, *expected = NULL;

	if (!socket->is_published)
		return NULL;
	peers = __atomic_load_n(&socket->peers, __ATOMIC_ACQUIRE);
	if (peers)
		return peers;
	peers = heap_alloc(sizeof(*peers));
	if (!peers || __atomic_compare_exchange_n(&socket->peers, &expected, peers, false,
			      __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return peers;
	heap_free(peers);
	return expected;
}

void inet_peers_add(struct inet_socket *socket, const struct inet_address *seen,
	const struct platform_host_endpoint *endpoint)
{
	struct inet_peers *peers = peers_of(socket);

	if (!peers || !seen->port)
		return;
	LOCK_SCOPE(&socket->base.lock);
	*place_of(peers, seen) = (struct peer){*seen, *endpoint};
}

bool inet_peers_find(struct inet_socket *socket, const struct inet_address *to,
	struct platform_host_endpoint *ret_endpoint)
{
	struct inet_peers *peers = __atomic_load_n(&socket->peers, __ATOMIC_ACQUIRE);
	const struct peer *peer;

	if (!peers || !to->port)
		return false;
	LOCK_SCOPE(&socket->base.lock);
	peer = place_of(peers, to);
	if (!is_at(peer, to))
		return false;
	*ret_endpoint = peer->endpoint;
	return true;
}
