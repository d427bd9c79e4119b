/* covers: landlock_restrict_self landlock_add_rule */
/* landlock(7): TCP ports to bind to and to connect to. */
#include <netinet/in.h>
#include <sys/socket.h>

#include "tests/conformance/files/conformance.h"
#include "tests/conformance/landlock.h"

static int ruleset_of_ports(uint64_t ports)
{
	const struct ruleset_attr attr = {.ports = ports};

	return ruleset_create(&attr, sizeof(attr), 0);
}

static int port_rule(int ruleset, uint64_t port, uint64_t access)
{
	const struct port_attr attr = {access, port};

	return rule_add(ruleset, RULE_PORT, &attr, 0);
}

static void test_errors(void)
{
	const struct port_attr attr = {BIND_TCP, 80};
	int ruleset = ruleset_of_ports(BIND_TCP), files = ruleset_of_files(READ_FILE);

	CHECK_OK(port_rule(ruleset, 0, BIND_TCP));
	CHECK_OK(port_rule(ruleset, 65535, BIND_TCP));
	CHECK_OK(port_rule(ruleset, 65535, BIND_TCP));
	CHECK_ERRNO(port_rule(ruleset, 65536, BIND_TCP), EINVAL);
	CHECK_ERRNO(port_rule(ruleset, UINT64_MAX, BIND_TCP), EINVAL);
	CHECK_ERRNO(port_rule(ruleset, 80, CONNECT_TCP), EINVAL); /* not this ruleset's */
	CHECK_ERRNO(port_rule(ruleset, 80, BIND_TCP | CONNECT_TCP), EINVAL);
	CHECK_ERRNO(port_rule(ruleset, 80, 0), ENOMSG);
	CHECK_ERRNO(port_rule(ruleset, 65536, 0), ENOMSG);
	CHECK_ERRNO(port_rule(files, 80, BIND_TCP), EINVAL);
	CHECK_ERRNO(rule_add(ruleset, RULE_PORT, NULL, 0), EFAULT);
	CHECK_ERRNO(rule_add(ruleset, RULE_PORT, &attr, 1), EINVAL);
	CHECK_ERRNO(rule_add(ruleset, RULE_PATH, &attr, 0), EINVAL);
	close(files);
	close(ruleset);
}

/* ---- Addresses of both families ---- */

static int family;

static socklen_t address_of(struct sockaddr_in6 *ret, uint16_t port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ret;

	memset(ret, 0, sizeof(*ret));
	ret->sin6_family = (sa_family_t)family;
	ret->sin6_port = htons(port);
	if (family == AF_INET)
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		ret->sin6_addr = in6addr_loopback;
	return family == AF_INET ? sizeof(*in) : sizeof(*ret);
}

static int bind_to(int fd, uint16_t port)
{
	struct sockaddr_in6 address;
	socklen_t size = address_of(&address, port);

	return bind(fd, (struct sockaddr *)&address, size);
}

static int connect_to(int fd, uint16_t port)
{
	struct sockaddr_in6 address;
	socklen_t size = address_of(&address, port);

	return connect(fd, (struct sockaddr *)&address, size);
}

/* A socket that listens at a port of its own. */
static int listener(uint16_t *ret_port)
{
	int fd = socket(family, SOCK_STREAM, 0);
	struct sockaddr_in6 address;
	socklen_t size = sizeof(address);

	REQUIRE(fd >= 0 && !bind_to(fd, 0) && !listen(fd, 10));
	REQUIRE(!getsockname(fd, (struct sockaddr *)&address, &size));
	*ret_port = ntohs(address.sin6_port);
	return fd;
}

static bool has_family(void)
{
	int fd = socket(family, SOCK_STREAM, 0);
	bool has = fd >= 0 && !bind_to(fd, 0);

	if (fd >= 0)
		close(fd);
	if (!has)
		test_skip("IPv6", "there is none here");
	return has;
}

static int tcp(void)
{
	return socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void test_connecting(void)
{
	uint16_t granted, other;
	int first = listener(&granted), second = listener(&other);

	FORKED("CONNECT_TCP")
	{
		int ruleset = ruleset_of_ports(CONNECT_TCP), fd = tcp(), before = tcp();

		CHECK_OK(connect_to(before, other));
		CHECK_OK(port_rule(ruleset, granted, CONNECT_TCP));
		REQUIRE(enforce(ruleset));
		CHECK_ERRNO(connect_to(fd, other), EACCES);
		CHECK_OK(connect_to(fd, granted));
		CHECK_EQ(write(before, "x", 1), 1); /* it is connected */
		CHECK_OK(bind_to(tcp(), 0));        /* not handled */
		CHECK_OK(connect_to(socket(family, SOCK_DGRAM, 0), other));
	}
	FORKED("in each layer")
	{
		int ruleset = ruleset_of_ports(CONNECT_TCP);

		CHECK_OK(port_rule(ruleset, granted, CONNECT_TCP));
		REQUIRE(enforce(ruleset));
		ruleset = ruleset_of_ports(BIND_TCP);
		CHECK_OK(port_rule(ruleset, granted, BIND_TCP));
		REQUIRE(enforce(ruleset));
		CHECK_OK(connect_to(tcp(), granted));
		CHECK_ERRNO(connect_to(tcp(), other), EACCES);
		REQUIRE(confine(READ_FILE, NULL, 0)); /* says nothing of ports */
		CHECK_OK(connect_to(tcp(), granted));
		REQUIRE(enforce(ruleset_of_ports(CONNECT_TCP)));
		CHECK_ERRNO(connect_to(tcp(), granted), EACCES);
	}
	FORKED("addresses that make no sense")
	{
		struct sockaddr_in6 address;
		socklen_t size = address_of(&address, other);
		struct sockaddr none = {.sa_family = AF_UNSPEC};
		int fd = tcp();

		REQUIRE(enforce(ruleset_of_ports(CONNECT_TCP | BIND_TCP)));
		CHECK_ERRNO(connect(fd, (struct sockaddr *)&address, 1), EINVAL);
		CHECK_ERRNO(connect(fd, (struct sockaddr *)&address, 8), EINVAL);
		CHECK_ERRNO(bind(fd, (struct sockaddr *)&address, 1), EINVAL);
		CHECK_ERRNO(bind(fd, (struct sockaddr *)&address, 8), EINVAL);
		address.sin6_family = family == AF_INET ? AF_INET6 : AF_INET;
		CHECK_ERRNO(connect(fd, (struct sockaddr *)&address, sizeof(address)), EINVAL);
		CHECK_ERRNO(bind(fd, (struct sockaddr *)&address, sizeof(address)), EINVAL);
		CHECK_OK(connect(fd, &none, sizeof(none))); /* dissolves what there is not */
		(void)size;
	}
	close(first);
	close(second);
}

static void test_binding(void)
{
	uint16_t granted, other;
	int first = listener(&granted), second = listener(&other);

	close(first);
	close(second);
	FORKED("BIND_TCP")
	{
		int ruleset = ruleset_of_ports(BIND_TCP), fd = tcp(), on = 1;

		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		CHECK_OK(port_rule(ruleset, granted, BIND_TCP));
		REQUIRE(enforce(ruleset));
		CHECK_ERRNO(bind_to(fd, other), EACCES);
		CHECK_ERRNO(bind_to(fd, 0), EACCES);
		CHECK_OK(bind_to(fd, granted));
		CHECK_OK(listen(fd, 1));
		CHECK_ERRNO(bind_to(tcp(), other), EACCES);
		CHECK_OK(listen(tcp(), 1)); /* at a port that the kernel chooses */
		CHECK_OK(bind_to(socket(family, SOCK_DGRAM, 0), 0));
	}
	FORKED("any port")
	{
		int ruleset = ruleset_of_ports(BIND_TCP);

		CHECK_OK(port_rule(ruleset, 0, BIND_TCP));
		REQUIRE(enforce(ruleset));
		CHECK_OK(bind_to(tcp(), 0));
		CHECK_ERRNO(bind_to(tcp(), other), EACCES);
	}
}

/* bind(2) takes an address without a family for AF_INET's. */
static void test_unspecified(void)
{
	struct sockaddr_in address = {.sin_family = AF_UNSPEC};

	FORKED("AF_UNSPEC")
	{
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		REQUIRE(enforce(ruleset_of_ports(BIND_TCP)));
		CHECK_ERRNO(bind(fd, (struct sockaddr *)&address, sizeof(address)), EACCES);
		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		CHECK_ERRNO(bind(fd, (struct sockaddr *)&address, sizeof(address)), EAFNOSUPPORT);
	}
	FORKED("sockets of other families have no ports")
	{
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		struct sockaddr name = {.sa_family = AF_UNIX};

		REQUIRE(enforce(ruleset_of_ports(BIND_TCP | CONNECT_TCP)));
		CHECK_OK(bind(fd, &name, sizeof(name.sa_family)));
	}
}

int main(void)
{
	test_begin();
	if (landlock_lacks(4, "ports"))
		return test_done();
	test_errors();
	for (int i = 0; i < 2; i++) {
		family = i ? AF_INET6 : AF_INET;
		if (!has_family())
			continue;
		test_connecting();
		test_binding();
	}
	test_unspecified();
	return test_done();
}
