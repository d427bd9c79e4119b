#include "cli/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

#define STATUS_BROKEN 125 /* as docker: our own failure, not the program's */

/* As docker: the same port inside can't be published twice here, since it has one socket. */
static bool is_published(const struct enclave_options *options, const struct enclave_port *port)
{
	for (size_t i = 0; i < options->port_count; i++)
		if (options->ports[i].port == port->port &&
			options->ports[i].is_udp == port->is_udp)
			return true;
	return false;
}

int network_add_port(struct network_options *network, struct enclave_options *options,
	const char *command, const char *text)
{
	struct enclave_port *port = &network->ports[options->port_count];
	struct image_error error;
	uint16_t host_port;

	options->ports = network->ports;
	if (options->port_count == NETWORK_PORT_COUNT_MAX)
		return cli_error(
			STATUS_BROKEN, command, "-p: more than %d ports", NETWORK_PORT_COUNT_MAX);
	if (ports_publish(text, port, &host_port, &error) < 0)
		return cli_error(STATUS_BROKEN, command, "%s", error.text);
	if (is_published(options, port))
		return cli_error(STATUS_BROKEN, command, "-p %s: port %u is published already",
			text, port->port);
	options->port_count++;
	/* Who let us choose wants to know. */
	if (!strchr(text, ':') || strstr(text, "::") || strstr(text, ":0:"))
		fprintf(stderr, "casemate: %s: port %u%s is published as %u\n", command, port->port,
			port->is_udp ? "/udp" : "", host_port);
	return 0;
}

int network_add_name(struct network_options *network, struct enclave_options *options,
	const char *command, const char *text)
{
	const char *colon = strchr(text, ':');
	struct in6_addr address;

	options->names = network->names;
	if (options->name_count == NETWORK_NAME_COUNT_MAX)
		return cli_error(STATUS_BROKEN, command, "--add-host: more than %d names",
			NETWORK_NAME_COUNT_MAX);
	if (!colon || colon == text ||
		(strcmp(colon + 1, "host-gateway") != 0 &&
			inet_pton(AF_INET, colon + 1, &address) != 1 &&
			inet_pton(AF_INET6, colon + 1, &address) != 1))
		return cli_error(STATUS_BROKEN, command,
			"--add-host %s: must be NAME:ADDRESS or NAME:host-gateway", text);
	network->names[options->name_count++] = text;
	return 0;
}
