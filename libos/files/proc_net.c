/* /proc/net: the tables of the network's state. Their headers; there is nothing in them yet. */
#include "libos/files/proc.h"

#define SOCKET_HEADER                                                                              \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "      \
	"timeout inode"
#define SOCKET6_HEADER                                                                             \
	"  sl  local_address                         remote_address                        st "    \
	"tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"

const struct computed_node proc_net_nodes[] = {
	NODE_TEXT("tcp", SOCKET_HEADER),
	NODE_TEXT("tcp6", SOCKET6_HEADER),
	NODE_TEXT("udp", SOCKET_HEADER " ref pointer drops"),
	NODE_TEXT("udp6", SOCKET6_HEADER " ref pointer drops"),
	NODE_TEXT("raw", SOCKET_HEADER " ref pointer drops"),
	NODE_TEXT("unix", "Num       RefCount Protocol Flags    Type St Inode Path"),
	NODE_TEXT("packet", "sk       RefCnt Type Proto  Iface R Rmem   User   Inode"),
	NODE_TEXT("netlink", "sk               Eth Pid        Groups   Rmem     Wmem     Dump  "
			     "Locks    Drops    Inode"),
	NODE_TEXT("dev",
		"Inter-|   Receive                                                |  Transmit\n"
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    "
		"packets "
		"errs drop fifo colls carrier compressed\n"
		"    lo:       0       0    0    0    0     0          0         0        0       "
		"0 "
		"   0    0    0     0       0          0"),
	NODE_TEXT("if_inet6", "00000000000000000000000000000001 01 80 10 80       lo"),
	NODE_TEXT("route", "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU"
			   "\tWindow\tIRTT"),
	NODE_TEXT("arp", "IP address       HW type     Flags       HW address            Mask     "
			 "Device"),
	NODE_TEXT("sockstat",
		"sockets: used 0\nTCP: inuse 0 orphan 0 tw 0 alloc 0 mem 0\nUDP: inuse 0 mem 0\n"
		"UDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0"),
	NODE_TEXT("protocols", "protocol  size sockets  memory press maxhdr  slab module"),
};
_Static_assert(ARRAY_SIZE(proc_net_nodes) == PROC_NET_COUNT, "as its users count");
