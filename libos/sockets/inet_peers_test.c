#include "libos/sockets/inet_peers.h"

#include <stdlib.h>

#include "base/test.h"
#include "libos/core/heap.h"

/* ---- What the table stands on ---- */

static bool memory_is_short;
static unsigned int objects;

void *heap_alloc(size_t size)
{
	void *object = memory_is_short ? NULL : calloc(1, size);

	objects += object ? 1 : 0;
	return object;
}

void heap_free(void *object)
{
	objects -= object ? 1 : 0;
	free(object);
}

/* One thread: nobody else ever has the lock. */
void lock_acquire_slow(struct lock *lock)
{
	(void)lock;
	abort();
}

void lock_release_slow(struct lock *lock)
{
	(void)lock;
	abort();
}

/* ---- Senders ---- */

static struct inet_socket socket_new(bool is_published)
{
	return (struct inet_socket){.is_published = is_published};
}

static struct inet_address seen(uint32_t host, uint16_t port)
{
	struct inet_address address = {.port = port};

	memcpy(address.bytes + 12, &host, sizeof(host));
	return address;
}

static void add(struct inet_socket *socket, uint32_t host, uint16_t port)
{
	struct inet_address address = seen(host, port);
	struct platform_host_endpoint endpoint = {.port = port};

	memcpy(endpoint.address, &host, sizeof(host));
	inet_peers_add(socket, &address, &endpoint);
}

/* Is it known, and where it is? */
static bool finds(struct inet_socket *socket, uint32_t host, uint16_t port)
{
	struct inet_address address = seen(host, port);
	struct platform_host_endpoint endpoint = {.port = 0};

	return inet_peers_find(socket, &address, &endpoint) && endpoint.port == port &&
	       !memcmp(endpoint.address, &host, sizeof(host));
}

static void who_has_sent_is_known(void)
{
	struct inet_socket socket = socket_new(true);

	CHECK(!finds(&socket, 1, 1000));
	add(&socket, 1, 1000);
	CHECK(finds(&socket, 1, 1000));
	CHECK(!finds(&socket, 1, 1001));
	CHECK(!finds(&socket, 2, 1000));
	heap_free(socket.peers);
}

static void only_published_ports_have_peers(void)
{
	struct inet_socket socket = socket_new(false);

	add(&socket, 1, 1000);
	CHECK(!socket.peers);
	CHECK(!finds(&socket, 1, 1000));
}

/* Port 0 marks a free place: it must not be found in each of them. */
static void nobody_sends_from_port_0(void)
{
	struct inet_socket socket = socket_new(true);

	add(&socket, 0, 0);
	CHECK(!finds(&socket, 0, 0));
	heap_free(socket.peers);
}

static void without_memory_nobody_is_known(void)
{
	struct inet_socket socket = socket_new(true);

	memory_is_short = true;
	add(&socket, 1, 1000);
	memory_is_short = false;
	CHECK(!finds(&socket, 1, 1000));
	add(&socket, 1, 1000);
	CHECK(finds(&socket, 1, 1000));
	heap_free(socket.peers);
}

/* A flood pushes others out, who are known again with their next datagram; the last one always is,
 * nobody is taken for another, and the table does not grow. */
static void a_flood_costs_no_more_than_places(void)
{
	struct inet_socket socket = socket_new(true);
	unsigned int unknown = 0, kept = 0;

	for (uint32_t host = 0; host < 100 * INET_PEER_COUNT; host++) {
		add(&socket, host, 53);
		unknown += !finds(&socket, host, 53);
	}
	for (uint32_t host = 0; host < 100 * INET_PEER_COUNT; host++)
		kept += finds(&socket, host, 53);
	CHECK_EQ(unknown, 0);
	CHECK(kept > 0 && kept <= INET_PEER_COUNT);
	CHECK_EQ(objects, 1);
	add(&socket, 0, 53);
	CHECK(finds(&socket, 0, 53));
	heap_free(socket.peers);
	CHECK_EQ(objects, 0);
}

int main(void)
{
	who_has_sent_is_known();
	only_published_ports_have_peers();
	nobody_sends_from_port_0();
	without_memory_nobody_is_known();
	a_flood_costs_no_more_than_places();
	return test_done();
}
