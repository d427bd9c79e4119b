/* Ports of the host that lead into an enclave: docker's -p. */
#ifndef HOST_PORTS_H
#define HOST_PORTS_H

#include "image/image.h"

struct enclave_port {
	uint16_t port; /* inside */
	bool is_udp;
	int fd; /* bound on the host, and listening if TCP; stays the caller's */
};

/* "[[ADDRESS:]HOST:]PORT[/tcp|udp]": without a HOST, a port that is free; without an ADDRESS, all
 * of the host's, IPv6's too where it has any. -EINVAL @text makes no sense; else why the port can't
 * be had. *ret_host_port: the host's. */
MUST_CHECK int ports_publish(const char *text, struct enclave_port *ret_port,
	uint16_t *ret_host_port, struct image_error *error);

/* The first IPv4 name server that the host uses, in the processor's order; 0: none. */
uint32_t ports_host_resolver(void);

#endif
