/* The addresses of AF_UNIX sockets: names of files, and abstract ones, which begin with a NUL. */
#include <asm/errno.h>
#include <linux/fcntl.h>

#include "base/format.h"
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/names.h"
#include "libos/files/path.h"
#include "libos/security/landlock.h"
#include "libos/sockets/constants.h"
#include "libos/sockets/unix.h"

#define FAMILY_SIZE ((uint32_t)sizeof(uint16_t))
#define UNIX_LENGTH_MAX 110U /* struct sockaddr_un */
#define AUTOBIND_COUNT 0x100000U

/* Every bound socket. */
static struct lock bound_lock;
static struct list bound = LIST_INIT(bound);

static bool is_abstract(const struct socket_address *address)
{
	return !address->path[0];
}

/* With the length that getsockname(2) reports: a file's name has its NUL. */
static struct unix_name *name_new(const struct socket_address *address)
{
	struct unix_name *name = heap_alloc(sizeof(*name));

	if (!name)
		return NULL;
	name->reference_count = 1;
	name->family = AF_UNIX;
	memcpy(name->path, address->path, sizeof(name->path) - 1);
	name->length = is_abstract(address) ? address->length
					    : FAMILY_SIZE + (uint32_t)strlen(name->path) + 1;
	return name;
}

void unix_name_address(const struct unix_name *name, struct socket_address *ret_address)
{
	*ret_address = (struct socket_address){.length = FAMILY_SIZE, .family = AF_UNIX};
	if (!name)
		return;
	ret_address->length = name->length;
	memcpy(ret_address->path, name->path, sizeof(name->path));
}

/* bound_lock held */
static struct unix_socket *find_abstract(const struct socket_address *address)
{
	struct unix_socket *socket;

	LIST_FOR_EACH (socket, &bound, bound_link)
		if (!socket->inode && socket->name->length == address->length &&
			!memcmp(socket->name->path, address->path, address->length - FAMILY_SIZE))
			return socket;
	return NULL;
}

static struct unix_socket *find_inode(const struct inode *inode)
{
	struct unix_socket *socket;

	LIST_FOR_EACH (socket, &bound, bound_link)
		if (socket->inode == inode)
			return socket;
	return NULL;
}

/* Give @socket its name, which is taken over on success. bound_lock held. */
static int name_socket(struct unix_socket *socket, struct unix_name *name, struct inode *inode)
{
	LOCK_SCOPE(&socket->base.lock);
	if (socket->name)
		return -EINVAL;
	socket->inode = inode ? inode_ref(inode) : NULL;
	__atomic_store_n(&socket->name, name, __ATOMIC_RELEASE);
	list_add(&bound, &socket->bound_link);
	return 0;
}

static int bind_abstract(struct unix_socket *socket, const struct socket_address *address)
{
	struct unix_name *name = name_new(address);
	int r = -EADDRINUSE;

	if (!name)
		return -ENOMEM;
	lock_acquire(&bound_lock);
	if (!find_abstract(address))
		r = name_socket(socket, name, NULL);
	lock_release(&bound_lock);
	if (r)
		unix_name_unref(name);
	return r;
}

/* bind(2) with the family alone: five hexadecimal digits that nobody has. */
static int bind_somewhere(struct unix_socket *socket)
{
	static uint32_t last;
	struct socket_address address = {.family = AF_UNIX, .length = FAMILY_SIZE + 6};
	int r = -EADDRINUSE;

	for (uint32_t i = 0; i < AUTOBIND_COUNT && r == -EADDRINUSE; i++) {
		uint32_t number = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);

		format_string(address.path + 1, sizeof(address.path) - 1, "%05x",
			number % AUTOBIND_COUNT);
		r = bind_abstract(socket, &address);
	}
	return r;
}

static int bind_file(struct unix_socket *socket, const struct socket_address *address)
{
	CLEANUP(dentry_unrefp) struct dentry *dentry = NULL;
	struct unix_name *name;
	int r = names_make(AT_FDCWD, address->path, S_IFSOCK | 0777, 0, NULL);

	if (!r)
		r = path_walk(AT_FDCWD, address->path, 0, 0, &dentry);
	if (r)
		return r == -EEXIST ? -EADDRINUSE : r;
	/* Somebody may have put something else there meanwhile. */
	if (!inode_is(dentry->inode, S_IFSOCK))
		return -EADDRINUSE;
	name = name_new(address);
	if (!name)
		return -ENOMEM;
	lock_acquire(&bound_lock);
	r = find_inode(dentry->inode) ? -EADDRINUSE : name_socket(socket, name, dentry->inode);
	lock_release(&bound_lock);
	if (r)
		unix_name_unref(name);
	return r;
}

int unix_bind(struct unix_socket *socket, const struct socket_address *address)
{
	if (address->length < FAMILY_SIZE || address->length > UNIX_LENGTH_MAX ||
		address->family != AF_UNIX)
		return -EINVAL;
	if (__atomic_load_n(&socket->name, __ATOMIC_ACQUIRE))
		return -EINVAL;
	if (address->length == FAMILY_SIZE)
		return bind_somewhere(socket);
	return is_abstract(address) ? bind_abstract(socket, address) : bind_file(socket, address);
}

void unix_each_bound(void (*visit)(struct unix_socket *socket, void *context), void *context)
{
	struct unix_socket *socket;

	LOCK_SCOPE(&bound_lock);
	LIST_FOR_EACH (socket, &bound, bound_link)
		visit(socket, context);
}

void unix_unbind(struct unix_socket *socket)
{
	lock_acquire(&bound_lock);
	list_remove(&socket->bound_link);
	lock_release(&bound_lock);
	inode_unref(socket->inode);
	socket->inode = NULL;
}

static int reach_file(const struct socket_address *address, struct unix_socket **ret_socket)
{
	CLEANUP(dentry_unrefp) struct dentry *dentry = NULL;
	struct unix_socket *socket;
	int r = path_walk(AT_FDCWD, address->path, PATH_FOLLOW, 0, &dentry);

	if (!r)
		r = inode_permission(dentry->inode, MAY_WRITE);
	if (r)
		return r;
	if (!inode_is(dentry->inode, S_IFSOCK))
		return -ECONNREFUSED;
	LOCK_SCOPE(&bound_lock);
	socket = find_inode(dentry->inode);
	if (!socket)
		return -ECONNREFUSED;
	*ret_socket = unix_socket_ref(socket);
	return 0;
}

static int reach_abstract(const struct socket_address *address, struct unix_socket **ret_socket)
{
	struct unix_socket *socket;

	LOCK_SCOPE(&bound_lock);
	socket = find_abstract(address);
	if (!socket)
		return -ECONNREFUSED;
	*ret_socket = unix_socket_ref(socket);
	return 0;
}

int unix_find(const struct socket_address *address, uint32_t type, struct unix_socket **ret_socket)
{
	CLEANUP(unix_socket_unrefp) struct unix_socket *socket = NULL;
	int r;

	if (address->family != AF_UNIX || address->length <= FAMILY_SIZE ||
		address->length > UNIX_LENGTH_MAX)
		return -EINVAL;
	r = is_abstract(address) ? reach_abstract(address, &socket) : reach_file(address, &socket);
	if (r)
		return r;
	if (socket->base.type != type)
		return -EPROTOTYPE;
	*ret_socket = TAKE(socket);
	return 0;
}

int unix_check_scope(const struct unix_socket *socket)
{
	const struct unix_name *name = __atomic_load_n(&socket->name, __ATOMIC_ACQUIRE);

	if (!landlock_is_restricted() || !name || name->path[0])
		return 0;
	return landlock_reaches(thread_current()->landlock, socket->landlock, LANDLOCK_SCOPE_SOCKET)
		       ? 0
		       : -EPERM;
}
