/* Numbers of the socket calls that the kernel's headers for programs leave to the libc. */
#ifndef LIBOS_SOCKETS_CONSTANTS_H
#define LIBOS_SOCKETS_CONSTANTS_H

enum {
	AF_UNIX = 1,

	SOCK_STREAM = 1,
	SOCK_DGRAM = 2,
	SOCK_RAW = 3, /* as SOCK_DGRAM on AF_UNIX */
	SOCK_SEQPACKET = 5,
	SOCK_TYPE_MASK = 0xf,

	SCM_RIGHTS = 1,
	SCM_CREDENTIALS = 2,

	MSG_OOB = 0x1,
	MSG_PEEK = 0x2,
	MSG_CTRUNC = 0x8,
	MSG_TRUNC = 0x20,
	MSG_DONTWAIT = 0x40,
	MSG_EOR = 0x80,
	MSG_WAITALL = 0x100,
	MSG_NOSIGNAL = 0x4000,
	MSG_WAITFORONE = 0x10000,
	MSG_CMSG_CLOEXEC = 0x40000000,
};

#endif
