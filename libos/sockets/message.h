/* struct msghdr and its control messages, read from and written to programs: sendmsg(2),
 * recvmsg(2), cmsg(3). */
#ifndef LIBOS_SOCKETS_MESSAGE_H
#define LIBOS_SOCKETS_MESSAGE_H

#include "libos/sockets/packet.h"
#include "libos/sockets/socket.h"

/* As programs lay it out. */
struct user_message {
	uint64_t name;
	uint32_t name_length, padding;
	uint64_t vectors, vector_count;
	uint64_t control, control_size;
	uint32_t flags, padding2;
};

/* A control message of a level other than SOL_SOCKET's own. */
#define MESSAGE_CONTROLS_MAX 4
#define MESSAGE_CONTROL_SIZE 64
struct message_control {
	int32_t level, type;
	uint32_t size;
	uint8_t data[MESSAGE_CONTROL_SIZE];
};

struct message {
	struct io io;
	struct io_vector *vectors;  /* heap or NULL; what @io goes over */
	struct socket_address to;   /* sending; length 0: none */
	bool wants_from;            /* receiving: fill in the sender's name */
	struct socket_address from; /* length 0: it has none */
	struct passed_files *files;
	struct socket_credentials credentials;
	bool has_credentials; /* sending: given; receiving: wanted */
	struct message_control controls[MESSAGE_CONTROLS_MAX]; /* both ways */
	uint32_t control_count;
	uint32_t flags; /* MSG_* of a received one */
};

void message_done(struct message *message);
/* For sending: everything checked and copied but the bytes. */
MUST_CHECK int message_read(struct message *message, const struct user_message *user);
/* For receiving: the vectors alone. */
MUST_CHECK int message_read_vectors(struct message *message, const struct user_message *user);
/* What was received besides bytes goes to the program; @user's lengths and flags are set.
 * @flags: MSG_CMSG_CLOEXEC. */
MUST_CHECK int message_write(struct message *message, struct user_message *user, uint32_t flags);
/* For receive ops: one more control message for the program, if it fits in @message. */
void message_add_control(
	struct message *message, int level, int type, const void *data, uint32_t size);

/* Addresses in and out of the program. -EINVAL: too long for any family. */
MUST_CHECK int address_read(struct socket_address *address, uint64_t from, uint64_t length);
/* At most *length bytes; *length becomes the full length. */
MUST_CHECK int address_write(const struct socket_address *address, uint64_t to, uint32_t *length);

#endif
