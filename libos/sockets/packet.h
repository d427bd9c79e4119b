/* What travels between AF_UNIX sockets: bytes, and with them files and credentials. */
#ifndef LIBOS_SOCKETS_PACKET_H
#define LIBOS_SOCKETS_PACKET_H

#include "base/list.h"
#include "libos/core/user.h"
#include "libos/files/file.h"

#define PACKET_FILES_MAX 253U /* SCM_MAX_FD */

/* A bound address; referenced by the socket and by what it sent. */
struct unix_name {
	int32_t reference_count;
	uint32_t length; /* of a struct sockaddr_un: 3 .. 110 */
	uint16_t family;
	char path[109]; /* terminated for file names; begins with NUL for abstract ones */
};
struct unix_name *unix_name_ref(struct unix_name *name); /* NULL is fine, as below */
void unix_name_unref(struct unix_name *name);

/* struct ucred of unix(7) */
struct socket_credentials {
	int32_t pid;
	uint32_t uid, gid;
};
struct socket_credentials socket_credentials_now(void);

/* Files on their way (SCM_RIGHTS), each referenced. */
struct passed_files {
	uint32_t count;
	struct file *files[];
};
/* @count descriptors of the calling process, after those in *files (NULL: none yet): -EBADF,
 * -EINVAL too many, -ETOOMANYREFS more on their way than RLIMIT_NOFILE, -ENOMEM. Whatever the
 * result, *files is to be dropped in the end. */
MUST_CHECK int passed_files_add(struct passed_files **files, const int32_t *fds, uint32_t count);
/* The same files once more, for MSG_PEEK; NULL: no memory. */
struct passed_files *passed_files_copy(const struct passed_files *files);
/* Drop them. A file that goes may be a socket that holds further files: these go one after the
 * other, never deeper in the stack. NULL is fine. */
void passed_files_free(struct passed_files *files);

struct packet {
	struct list link;
	uint32_t size, taken; /* bytes; those read already */
	struct passed_files *files;
	struct unix_name *name; /* the sender's; may be NULL */
	struct socket_credentials credentials;
	uint8_t bytes[];
};

/* With up to @size bytes of @io: -EFAULT, -ENOMEM. */
MUST_CHECK int packet_new(struct io *io, uint32_t size, struct packet **ret_packet);
void packet_free(struct packet *packet);

/* What it counts for against the limits of its socket, bytes. */
static inline uint32_t packet_weight(const struct packet *packet)
{
	return (uint32_t)sizeof(*packet) + packet->size;
}

#endif
