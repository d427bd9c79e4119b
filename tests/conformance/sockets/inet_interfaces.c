/* covers: socket bind sendto recvmsg getsockname ioctl */
/* netdevice(7), netlink(7), rtnetlink(7), proc(5): what programs learn of the network. */
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "tests/conformance/sockets/inet.h"

static void test_getifaddrs(void)
{
	struct ifaddrs *all, *one;
	bool has_v4 = false, has_link = false;

	CHECK_OK(getifaddrs(&all));
	for (one = all; one; one = one->ifa_next) {
		if (strcmp(one->ifa_name, "lo") != 0 || !one->ifa_addr)
			continue;
		CHECK(one->ifa_flags & IFF_LOOPBACK && one->ifa_flags & IFF_UP);
		if (one->ifa_addr->sa_family == AF_PACKET)
			has_link = true;
		if (one->ifa_addr->sa_family != AF_INET)
			continue;
		has_v4 = ntohl(((struct sockaddr_in *)one->ifa_addr)->sin_addr.s_addr) ==
			 INADDR_LOOPBACK;
		CHECK_EQ(ntohl(((struct sockaddr_in *)one->ifa_netmask)->sin_addr.s_addr),
			0xff000000);
	}
	CHECK(has_v4);
	CHECK(has_link);
	freeifaddrs(all);
}

static void test_names(void)
{
	struct if_nameindex *all = if_nameindex();
	char name[IF_NAMESIZE];
	bool has_lo = false;

	REQUIRE(all);
	for (struct if_nameindex *one = all; one->if_index; one++)
		has_lo |= !strcmp(one->if_name, "lo");
	CHECK(has_lo);
	if_freenameindex(all);
	CHECK_EQ(if_nametoindex("lo"), 1);
	CHECK_STR(if_indextoname(1, name), "lo");
	CHECK_EQ(if_nametoindex("none0"), 0);
}

static void test_ioctls(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	struct ifreq list[16];
	struct ifconf all = {.ifc_len = sizeof(list), .ifc_req = list};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	CHECK_OK(ioctl(fd, SIOCGIFFLAGS, &request));
	CHECK(request.ifr_flags & IFF_LOOPBACK);
	CHECK_OK(ioctl(fd, SIOCGIFADDR, &request));
	CHECK_EQ(
		ntohl(((struct sockaddr_in *)&request.ifr_addr)->sin_addr.s_addr), INADDR_LOOPBACK);
	CHECK_OK(ioctl(fd, SIOCGIFMTU, &request));
	CHECK_EQ(request.ifr_mtu, 65536);
	CHECK_OK(ioctl(fd, SIOCGIFCONF, &all));
	CHECK(all.ifc_len >= (int)sizeof(list[0]));
	CHECK_STR(list[0].ifr_name, "lo");
	strcpy(request.ifr_name, "none0");
	CHECK_ERRNO(ioctl(fd, SIOCGIFFLAGS, &request), ENODEV);
	CHECK_ERRNO(ioctl(fd, 0x1234, &request), ENOTTY);
	close(fd);
}

static void test_netlink(void)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg body;
	} request = {{sizeof(request), RTM_GETLINK, NLM_F_REQUEST, 7, 0}, {.ifi_index = 1}};
	struct sockaddr_nl name = {.nl_family = AF_NETLINK};
	socklen_t length = sizeof(name);
	char answer[8192];
	struct nlmsghdr *header = (struct nlmsghdr *)answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	REQUIRE(fd >= 0);
	CHECK_OK(bind(fd, (struct sockaddr *)&name, sizeof(name)));
	CHECK_OK(getsockname(fd, (struct sockaddr *)&name, &length));
	CHECK_EQ(length, sizeof(name));
	CHECK(name.nl_pid != 0);
	CHECK_ERRNO(recv(fd, answer, sizeof(answer), MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(send(fd, &request, sizeof(request), 0), sizeof(request));
	CHECK(recv(fd, answer, sizeof(answer), 0) >= (ssize_t)sizeof(*header));
	CHECK_EQ(header->nlmsg_type, RTM_NEWLINK);
	CHECK_EQ(header->nlmsg_seq, 7);
	CHECK_EQ(header->nlmsg_pid, name.nl_pid);
	/* A change is not for everybody, or at least not of nothing. */
	request.body.ifi_index = 99;
	CHECK_EQ(send(fd, &request, sizeof(request), 0), sizeof(request));
	CHECK(recv(fd, answer, sizeof(answer), 0) >= (ssize_t)sizeof(*header));
	CHECK_EQ(header->nlmsg_type, NLMSG_ERROR);
	CHECK_EQ(((struct nlmsgerr *)NLMSG_DATA(header))->error, -ENODEV);
	/* To ask for what is so already. */
	request.header.nlmsg_type = RTM_NEWLINK;
	request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	request.body =
		(struct ifinfomsg){.ifi_index = 1, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	CHECK_EQ(send(fd, &request, sizeof(request), 0), sizeof(request));
	CHECK(recv(fd, answer, sizeof(answer), 0) >= (ssize_t)sizeof(*header));
	CHECK_EQ(header->nlmsg_type, NLMSG_ERROR);
	CHECK_EQ(((struct nlmsgerr *)NLMSG_DATA(header))->error, is_root() ? 0 : -EPERM);
	close(fd);
	CHECK_ERRNO(socket(AF_NETLINK, SOCK_STREAM, 0), ESOCKTNOSUPPORT);
}

static bool table_has(const char *path, const char *text)
{
	static char content[1 << 20];
	ssize_t n = get_file(path, content, sizeof(content) - 1);

	content[n > 0 ? n : 0] = '\0';
	return strstr(content, text);
}

static void test_tables(void)
{
	struct stat st;
	char text[64];
	int port, fd = listen_loopback(AF_INET, 4, &port), udp = socket(AF_INET6, SOCK_DGRAM, 0);

	CHECK_OK(fstat(fd, &st));
	snprintf(text, sizeof(text), "0100007F:%04X 00000000:0000 0A", port);
	CHECK(table_has("/proc/net/tcp", text));
	snprintf(text, sizeof(text), " %lu 1 ", (unsigned long)st.st_ino);
	CHECK(table_has("/proc/net/tcp", text));
	CHECK_OK(bind_loopback(udp, AF_INET6, 0));
	snprintf(text, sizeof(text), "00000000000000000000000001000000:%04X", port_of(udp, false));
	CHECK(table_has("/proc/net/udp6", text));
	CHECK(table_has("/proc/net/dev", "    lo:"));
	CHECK(table_has("/proc/net/route", "Iface\tDestination"));
	CHECK(table_has("/proc/net/sockstat", "TCP: inuse "));
	CHECK(table_has("/proc/net/if_inet6", "00000000000000000000000000000001 01 80 10 80"));
	CHECK(exists("/sys/class/net/lo/address"));
	close(fd);
	close(udp);
}

int main(void)
{
	test_getifaddrs();
	test_names();
	test_ioctls();
	test_netlink();
	test_tables();
	return test_done();
}
