/* struct msghdr and its control messages, read from and written to programs: sendmsg(2),
 * recvmsg(2), cmsg(3). */
#ifndef LIBOS_SOCKETS_MESSAGE_H
#define LIBOS_SOCKETS_MESSAGE_H

#include "libos/sockets/unix.h"

/* As programs lay it out. */
struct user_message {
	uint64_t name;
	uint32_t name_length, padding;
	uint64_t vectors, vector_count;
	uint64_t control, control_size;
	uint32_t flags, padding2;
};

struct message {
	struct io io;
	struct io_vector *vectors; /* heap or NULL; what @io goes over */
	struct unix_address to;    /* sending; length 0: none */
	struct unix_name *from;    /* received; referenced, or NULL */
	struct passed_files *files;
	struct socket_credentials credentials;
	bool has_credentials;
	uint32_t flags; /* MSG_* of a received one */
};

void message_done(struct message *message);
/* For sending: everything checked and copied but the bytes. */
MUST_CHECK int message_read(struct message *message, const struct user_message *user);
/* For receiving: the vectors alone. */
MUST_CHECK int message_read_vectors(struct message *message, const struct user_message *user);
/* What was received besides bytes goes to the program; @user's lengths and flags are set.
 * @flags: MSG_CMSG_CLOEXEC. */
MUST_CHECK int message_write(
	struct message *message, struct user_message *user, uint32_t flags, bool pass_credentials);

/* Addresses in and out of the program. */
MUST_CHECK int address_read(struct unix_address *address, uint64_t from, uint64_t length);
/* @name may be NULL; at most *length bytes, *length becomes the full length. */
MUST_CHECK int address_write(const struct unix_name *name, uint64_t to, uint32_t *length);

#endif
