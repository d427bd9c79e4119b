#include "libos/sockets/message.h"

#include <asm/socket.h>
#include <linux/errno.h>
#include <linux/fcntl.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/processes/process.h"

#define CONTROL_SIZE_MAX 20480U /* net.core.optmem_max */
#define CONTROL_ALIGN(size) ALIGN_UP(size, sizeof(uint64_t))
#define CAP_SETGID 6
#define CAP_SETUID 7
#define CAP_SYS_ADMIN 21

struct control {
	uint64_t length; /* with this header */
	int32_t level, type;
};

int address_read(struct socket_address *address, uint64_t from, uint64_t length)
{
	memset(address, 0, sizeof(*address));
	if (length > SOCKET_ADDRESS_MAX)
		return -EINVAL;
	if (length && user_read(&address->family, from, length))
		return -EFAULT;
	address->length = (uint32_t)length;
	return 0;
}

int address_write(const struct socket_address *address, uint64_t to, uint32_t *length)
{
	uint32_t size = MIN(address->length, *length);

	if ((int32_t)*length < 0)
		return -EINVAL;
	*length = address->length;
	return size ? user_write(to, &address->family, size) : 0;
}

void message_done(struct message *message)
{
	heap_free(message->vectors);
	passed_files_free(message->files);
}

void message_add_control(
	struct message *message, int level, int type, const void *data, uint32_t size)
{
	struct message_control *control = &message->controls[message->control_count];

	if (message->control_count == MESSAGE_CONTROLS_MAX || size > MESSAGE_CONTROL_SIZE)
		return;
	*control = (struct message_control){.level = level, .type = type, .size = size};
	memcpy(control->data, data, size);
	message->control_count++;
}

int message_read_vectors(struct message *message, const struct user_message *user)
{
	int r;

	if (user->vector_count > 1024)
		return -EMSGSIZE;
	r = io_vectors_read(user->vectors, user->vector_count, &message->vectors);
	if (r)
		return r;
	io_init_vectors(&message->io, message->vectors, user->vector_count);
	return 0;
}

static int read_credentials(struct message *message, const uint8_t *data, size_t size)
{
	const struct thread *thread = thread_current();
	const struct credentials *mine = &thread->credentials;
	struct socket_credentials given;

	if (size != sizeof(given))
		return -EINVAL;
	memcpy(&given, data, sizeof(given));
	if (given.pid != thread->process->pid && !credentials_can(mine, CAP_SYS_ADMIN))
		return -EPERM;
	if (given.uid != mine->uid && given.uid != mine->euid && given.uid != mine->suid &&
		!credentials_can(mine, CAP_SETUID))
		return -EPERM;
	if (given.gid != mine->gid && given.gid != mine->egid && given.gid != mine->sgid &&
		!credentials_can(mine, CAP_SETGID))
		return -EPERM;
	message->credentials = given;
	message->has_credentials = true;
	return 0;
}

static int read_files(struct message *message, const uint8_t *data, size_t size)
{
	int32_t fds[PACKET_FILES_MAX];
	size_t count = size / sizeof(fds[0]);

	if (count > PACKET_FILES_MAX)
		return -EINVAL;
	if (!count)
		return 0;
	memcpy(fds, data, count * sizeof(fds[0]));
	return passed_files_add(&message->files, fds, (uint32_t)count);
}

static int read_control(struct message *message, const uint8_t *controls, size_t size)
{
	struct control control;
	size_t at = 0;
	int r = 0;

	while (!r && size - at >= sizeof(control)) {
		memcpy(&control, controls + at, sizeof(control));
		if (control.length < sizeof(control) || control.length > size - at)
			return -EINVAL;
		if (control.level == SOL_SOCKET && control.type == SCM_RIGHTS)
			r = read_files(message, controls + at + sizeof(control),
				control.length - sizeof(control));
		else if (control.level == SOL_SOCKET && control.type == SCM_CREDENTIALS)
			r = read_credentials(message, controls + at + sizeof(control),
				control.length - sizeof(control));
		else if (control.level == SOL_SOCKET)
			r = -EINVAL;
		else
			message_add_control(message, control.level, control.type,
				controls + at + sizeof(control),
				(uint32_t)MIN(control.length - sizeof(control), UINT32_MAX));
		at = MIN(at + CONTROL_ALIGN(control.length), size);
	}
	return r;
}

int message_read(struct message *message, const struct user_message *user)
{
	CLEANUP(heap_freep) uint8_t *controls = NULL;
	int r = message_read_vectors(message, user);

	if (!r && user->name && user->name_length)
		r = address_read(&message->to, user->name, user->name_length);
	if (r || !user->control || !user->control_size)
		return r;
	if (user->control_size > CONTROL_SIZE_MAX)
		return -ENOBUFS;
	controls = heap_alloc(user->control_size);
	if (!controls)
		return -ENOBUFS;
	if (user_read(controls, user->control, user->control_size))
		return -EFAULT;
	return read_control(message, controls, user->control_size);
}

/* Room for control messages in the program's memory. */
struct room {
	uint64_t at, left;
	bool truncated;
};

static int put_control(struct room *room, int level, int type, const void *data, size_t size)
{
	struct control control = {sizeof(control) + size, level, type};

	if (room->left < sizeof(control)) {
		room->truncated = true;
		return 0;
	}
	if (room->left < control.length) {
		room->truncated = true;
		control.length = room->left;
	}
	if (user_write(room->at, &control, sizeof(control)) ||
		user_write(room->at + sizeof(control), data, control.length - sizeof(control)))
		return -EFAULT;
	size = MIN(CONTROL_ALIGN(control.length), room->left);
	room->at += size;
	room->left -= size;
	return 0;
}

static int put_files(struct room *room, struct passed_files *files, bool close_on_exec)
{
	uint64_t fits = room->left > sizeof(struct control)
				? (room->left - sizeof(struct control)) / sizeof(int32_t)
				: 0;
	int32_t fds[PACKET_FILES_MAX];
	uint32_t count = 0;

	while (count < MIN((uint64_t)files->count, fits)) {
		struct file *file = file_ref(files->files[count]);
		int fd = fd_install(file, 0, close_on_exec);

		if (fd < 0) {
			file_unref(file);
			break;
		}
		fds[count++] = fd;
	}
	room->truncated |= count < files->count;
	return count ? put_control(room, SOL_SOCKET, SCM_RIGHTS, fds, count * sizeof(fds[0])) : 0;
}

int message_write(struct message *message, struct user_message *user, uint32_t flags)
{
	struct room room = {user->control, user->control ? user->control_size : 0, false};
	uint64_t size = room.left;
	int r = 0;

	if (user->name && message->from.length)
		r = address_write(&message->from, user->name, &user->name_length);
	else
		user->name_length = 0;
	if (!r && message->has_credentials)
		r = put_control(&room, SOL_SOCKET, SCM_CREDENTIALS, &message->credentials,
			sizeof(message->credentials));
	if (!r && message->files)
		r = put_files(&room, message->files, flags & MSG_CMSG_CLOEXEC);
	for (uint32_t i = 0; !r && i < message->control_count; i++)
		r = put_control(&room, message->controls[i].level, message->controls[i].type,
			message->controls[i].data, message->controls[i].size);
	user->control_size = size - room.left;
	user->flags =
		message->flags | (room.truncated ? MSG_CTRUNC : 0) | (flags & MSG_CMSG_CLOEXEC);
	return r;
}
