#include "libos/network.h"

#include <linux/errno.h>
#include <linux/fcntl.h>

#include "base/format.h"
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/file.h"
#include "libos/files/inode.h"
#include "libos/files/names.h"
#include "libos/files/text.h"
#include "libos/image/address.h"
#include "libos/processes/process.h"
#include "libos/sockets/inet.h"

#define GATEWAY_WORD "host-gateway"
#define GATEWAY_TEXT "10.0.2.2"
#define OWN_TEXT "10.0.2.100"
#define RESOLVER_TEXT "10.0.2.3"
#define NAME_LENGTH_MAX 253 /* RFC 1035 */

static int fail(struct network_error *error, const char *format, ...) PRINTF_LIKE(2, 3);

static int fail(struct network_error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	format_string_v(error->text, sizeof(error->text), format, args);
	va_end(args);
	return -EPERM;
}

/* ---- Published ports ---- */

static bool is_allowed(const struct config *config, const struct launch_port *port)
{
	uint8_t protocol = port->is_udp ? CONFIG_PROTOCOL_UDP : CONFIG_PROTOCOL_TCP;

	for (size_t i = 0; i < config->allow_ports.count; i++)
		if (config->allow_ports.items[i].port == port->port &&
			config->allow_ports.items[i].protocol == protocol)
			return true;
	return config->allow_ports.any;
}

static int publish(
	const struct launch *launch, const struct config *config, struct network_error *error)
{
	for (uint32_t i = 0; i < launch->port_count; i++) {
		const struct launch_port *port = &launch->ports[i];

		if (!is_allowed(config, port))
			return fail(error,
				"-p: the image does not let port %u/%s be published: it is not in "
				"\"AllowPorts\" of its configuration",
				port->port, port->is_udp ? "udp" : "tcp");
		if (inet_publish(port->is_udp ? SOCK_DGRAM : SOCK_STREAM, port->port, port->fd))
			return fail(error, "-p: too many ports");
	}
	return 0;
}

/* ---- Names that the host adds ---- */

static bool is_name(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		char c = name[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
			c != '-' && c != '.' && c != '_')
			return false;
	}
	return length > 0 && length <= NAME_LENGTH_MAX;
}

/* NAME:ADDRESS at @at of the launch page's strings, as a line of /etc/hosts. */
static int add_name(const struct launch *launch, uint32_t at, struct text *hosts,
	bool *uses_gateway, struct network_error *error)
{
	const char *text = launch->strings + at, *address;
	size_t left = at < launch->strings_size ? launch->strings_size - at : 0;
	size_t length = strnlen(text, left);
	const char *colon = length < left ? strchr(text, ':') : NULL;

	if (!colon || !is_name(text, (size_t)(colon - text)))
		return fail(error, "--add-host: not a name and an address");
	address = colon + 1;
	if (!strcmp(address, GATEWAY_WORD)) {
		*uses_gateway = true;
		address = GATEWAY_TEXT;
	} else if (!address_is_ip(address)) {
		return fail(error, "--add-host: not an address");
	}
	text_put(hosts, "%s\t%.*s\n", address, (int)(colon - text), text);
	return 0;
}

static int add_names(const struct launch *launch, const struct config *config, struct text *hosts,
	bool *uses_gateway, struct network_error *error)
{
	int r = 0;

	if (launch->name_count && !config->allow_network)
		return fail(error,
			"--add-host: \"AllowNetwork\" is not set in the image's configuration");
	for (uint32_t i = 0; i < launch->name_count && !r; i++)
		r = add_name(launch, launch->names[i], hosts, uses_gateway, error);
	return r;
}

/* ---- /etc ---- */

static bool is_there(const char *path)
{
	struct file_status status = {0};
	struct file *file;

	if (file_open(AT_FDCWD, path, O_RDONLY, 0, &file))
		return false;
	file_status(file, &status);
	file_unref(file);
	return status.size != 0;
}

/* What can't be written is missing, no more: a directory of the host's may lie over /etc. */
static void write_file(const char *path, uint32_t flags, const struct text *text)
{
	struct file *file;
	uint64_t at = 0;
	struct io io;

	if (!text->size || text->failed)
		return;
	if (file_open(AT_FDCWD, path, O_WRONLY | O_CREAT | flags, 0644, &file))
		return;
	io_init_kernel(&io, text->bytes, text->size);
	if (flags & O_APPEND)
		at = file->inode->size;
	(void)!file->ops->write(file, &io, &at);
	file_unref(file);
}

static void put_hosts(const struct config *config, struct text *hosts)
{
	text_put(hosts,
		"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n" OWN_TEXT
		"\t%s\n",
		config->hostname);
}

static void put_resolvers(
	const struct launch *launch, const struct config *config, struct text *text)
{
	for (size_t i = 0; i < config->nameservers.count; i++)
		text_put(text, "nameserver %s\n", config->nameservers.items[i]);
	if (!config->nameservers.count && config->allow_network && launch->resolver)
		text_put(text, "nameserver " RESOLVER_TEXT "\n");
}

/* An image's own files stay, unless its configuration says otherwise. */
static void write_files(
	const struct launch *launch, const struct config *config, const struct text *added)
{
	struct text hosts = {0}, resolvers = {0}, name = {0};

	(void)!names_make(AT_FDCWD, "/etc", S_IFDIR | 0755, 0, NULL);
	put_hosts(config, &hosts);
	if (!is_there("/etc/hosts"))
		write_file("/etc/hosts", O_TRUNC, &hosts);
	write_file("/etc/hosts", O_APPEND, added);
	put_resolvers(launch, config, &resolvers);
	if (config->nameservers.count || !is_there("/etc/resolv.conf"))
		write_file("/etc/resolv.conf", O_TRUNC, &resolvers);
	text_put(&name, "%s\n", config->hostname);
	if (!is_there("/etc/hostname"))
		write_file("/etc/hostname", O_TRUNC, &name);
	text_free(&hosts);
	text_free(&resolvers);
	text_free(&name);
}

/* As root: they are not the program's user's. */
static void write_files_as_root(
	const struct launch *launch, const struct config *config, const struct text *added)
{
	struct thread *thread = thread_current();
	struct credentials own = thread->credentials;

	memset(&thread->credentials, 0, sizeof(thread->credentials));
	thread->credentials.effective = UINT64_MAX;
	write_files(launch, config, added);
	thread->credentials = own;
}

int network_start(
	const struct launch *launch, const struct config *config, struct network_error *error)
{
	bool uses_gateway = false;
	struct text added = {0};
	int r = publish(launch, config, error);

	if (!r)
		r = add_names(launch, config, &added, &uses_gateway, error);
	if (!r) {
		inet_setup(&(struct inet_setup){
			config->allow_network, uses_gateway, launch->resolver});
		write_files_as_root(launch, config, &added);
	}
	text_free(&added);
	return r;
}
