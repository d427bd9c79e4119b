/* add_key(2), request_key(2), keyctl(2). */
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/keyctl.h>

#include "base/format.h"
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/processes/keyrings.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"
#include "libos/time/clock.h"

#define PAYLOAD_SIZE_MAX ((1UL << 20) - 1)
#define CALLOUT_SIZE 4096
#define UNCHANGED UINT32_MAX
#define NS_PER_S 1000000000UL

static void key_unrefp(struct key **key)
{
	key_unref(*key);
}

static void payload_freep(uint8_t **payload)
{
	heap_free(*payload);
}

/* ---- Arguments, before the lock is taken ---- */

struct name {
	char type[KEY_TYPE_SIZE];
	char description[KEY_DESCRIPTION_SIZE];
};

static int string_read(char *to, uint64_t from, size_t size)
{
	long r = user_read_string(to, from, size);

	return r == -ENAMETOOLONG ? -EINVAL : r < 0 ? (int)r : 0;
}

/* Names with a dot are the kernel's. */
static int name_read(struct name *name, uint64_t type, uint64_t description)
{
	int r = string_read(name->type, type, sizeof(name->type));

	if (r)
		return r;
	if (name->type[0] == '.')
		return -EPERM;
	if (!name->type[0])
		return -EINVAL;
	return string_read(name->description, description, sizeof(name->description));
}

static int payload_read(uint64_t from, uint64_t size, uint8_t **ret_payload)
{
	uint8_t *payload;

	*ret_payload = NULL;
	if (!size)
		return 0;
	payload = heap_alloc(size);
	if (!payload)
		return -ENOMEM;
	if (user_read(payload, from, size)) {
		heap_free(payload);
		return -EFAULT;
	}
	*ret_payload = payload;
	return 0;
}

/* ---- add_key ---- */

static int check_new(const struct key_type *type, const char *description, uint64_t size)
{
	const char *colon;

	if (!type)
		return -ENODEV;
	if (type->is_keyring && description[0] == '.')
		return -EPERM;
	if (!description[0] || size > type->size_max || (type->size_max && !size))
		return -EINVAL;
	colon = strchr(description, ':');
	return type->has_prefix && (!colon || colon == description) ? -EINVAL : 0;
}

static uint32_t permissions_of(const struct key_type *type)
{
	return type->is_readable ? KEY_PERMISSIONS_NEW
				 : KEY_PERMISSIONS_NEW & ~((uint32_t)KEY_NEED_READ << 24);
}

/* One that is there gets the new payload; a keyring makes room for another. */
static long add(struct key *keyring, const struct key_type *type, const char *description,
	const void *payload, uint32_t size)
{
	CLEANUP(key_unrefp) struct key *key = NULL;
	struct key *old = type->is_keyring ? NULL : keyring_find(keyring, type, description);
	int r;

	if (old && !old->is_revoked) {
		r = key_permit(old, KEY_NEED_WRITE);
		r = r ? r : key_update(old, payload, size);
		return r ? r : old->serial;
	}
	r = key_new(type, description, payload, size, permissions_of(type), &key);
	r = r ? r : keyring_link(keyring, key);
	return r ? r : key->serial;
}

long sys_add_key(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(heap_freep) struct name *name = heap_alloc(sizeof(*name));
	CLEANUP(payload_freep) uint8_t *payload = NULL;
	const struct key_type *type;
	struct key *keyring;
	long r;

	(void)thread;
	if (!name)
		return -ENOMEM;
	if (args->d > PAYLOAD_SIZE_MAX)
		return -EINVAL;
	r = name_read(name, args->a, args->b);
	r = r ? r : payload_read(args->c, args->d, &payload);
	if (r)
		return r;
	type = key_type_find(name->type);
	lock_acquire(&keys_lock);
	r = keyring_lookup((int32_t)args->e, KEY_NEED_WRITE | KEY_LOOKUP_CREATE, &keyring);
	if (!r) {
		r = check_new(type, name->description, args->d);
		r = r ? r : add(keyring, type, name->description, payload, (uint32_t)args->d);
		key_unref(keyring);
	}
	lock_release(&keys_lock);
	if (payload)
		memory_wipe(payload, args->d);
	return r;
}

/* ---- request_key ---- */

/* Nobody makes keys on demand: so that the next one need not be asked for, a key that says so. */
static long refuse(struct key *destination, const struct key_type *type, const char *description)
{
	CLEANUP(key_unrefp) struct key *key = NULL;
	int r;

	if (type->is_keyring)
		return -EPERM;
	r = key_new(type, description, NULL, 0, permissions_of(type), &key);
	if (r)
		return r;
	key->is_negative = true;
	key->deadline_ns = clock_monotonic_ns() + KEY_NEGATIVE_SECONDS * NS_PER_S;
	r = keyring_link(destination, key);
	return r ? r : -ENOKEY;
}

static long request(const struct name *name, bool has_callout, int32_t destination_id)
{
	const struct key_type *type = key_type_find(name->type);
	CLEANUP(key_unrefp) struct key *destination = NULL;
	struct key *key;
	int r = 0;

	if (destination_id)
		r = keyring_lookup(
			destination_id, KEY_NEED_WRITE | KEY_LOOKUP_CREATE, &destination);
	if (r)
		return r;
	if (!type)
		return -ENOKEY;
	r = key_search(NULL, type, name->description, &key);
	if (!r && destination)
		r = keyring_link(destination, key);
	if (!r)
		return key->serial;
	if (r != -ENOKEY || !has_callout)
		return r;
	r = destination ? 0 : keyring_destination(&destination);
	return r ? r : refuse(destination, type, name->description);
}

long sys_request_key(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(heap_freep) struct name *name = heap_alloc(sizeof(*name));
	char callout[CALLOUT_SIZE];
	int r;

	(void)thread;
	if (!name)
		return -ENOMEM;
	r = name_read(name, args->a, args->b);
	if (!r && args->c)
		r = string_read(callout, args->c, sizeof(callout));
	if (r)
		return r;
	LOCK_SCOPE(&keys_lock);
	return request(name, args->c, (int32_t)args->d);
}

/* ---- keyctl: what it shows ---- */

static long keyring_id(int32_t id, bool create)
{
	CLEANUP(key_unrefp) struct key *key = NULL;
	int r = key_lookup(id, KEY_NEED_SEARCH | (create ? KEY_LOOKUP_CREATE : 0), &key);

	return r ? r : key->serial;
}

static int serials_copy(const struct key *keyring, uint8_t **ret_bytes, size_t *ret_size)
{
	int32_t *serials;

	*ret_size = keyring->link_count * sizeof(*serials);
	*ret_bytes = NULL;
	if (!*ret_size)
		return 0;
	serials = heap_alloc(*ret_size);
	if (!serials)
		return -ENOMEM;
	for (uint32_t i = 0; i < keyring->link_count; i++)
		serials[i] = keyring->links[i]->serial;
	*ret_bytes = (uint8_t *)serials;
	return 0;
}

/* Who possesses a key that may be found may read it, too. */
static int read_locked(int32_t id, uint8_t **ret_bytes, size_t *ret_size)
{
	CLEANUP(key_unrefp) struct key *key = NULL;
	int r = key_lookup(id, KEY_NEED_NOTHING, &key);

	if (r)
		return r;
	if (key_permit(key, KEY_NEED_READ) && !key_is_possessed(key))
		return -EACCES;
	if (!key->type->is_readable)
		return -EOPNOTSUPP;
	if (key->type->is_keyring)
		return serials_copy(key, ret_bytes, ret_size);
	*ret_bytes = heap_alloc(key->size);
	if (!*ret_bytes)
		return -ENOMEM;
	memcpy(*ret_bytes, key->payload, key->size);
	*ret_size = key->size;
	return 0;
}

static long read(int32_t id, uint64_t to, uint64_t room)
{
	uint8_t *bytes = NULL;
	size_t size = 0;
	long r;

	lock_acquire(&keys_lock);
	r = read_locked(id, &bytes, &size);
	lock_release(&keys_lock);
	if (r)
		return r;
	r = (long)size;
	if (to && room && size && user_write(to, bytes, MIN(room, size)))
		r = -EFAULT;
	if (bytes)
		memory_wipe(bytes, size);
	heap_free(bytes);
	return r;
}

static int describe_locked(int32_t id, char *to, size_t size)
{
	CLEANUP(key_unrefp) struct key *key = NULL;
	int r = key_lookup(id, KEY_NEED_VIEW | KEY_LOOKUP_UNUSABLE, &key);

	if (!r)
		format_string(to, size, "%s;%d;%d;%08x;%s", key->type->name, (int32_t)key->uid,
			(int32_t)key->gid, key->permissions, key->description);
	return r;
}

static long describe(int32_t id, uint64_t to, uint64_t room)
{
	char text[KEY_DESCRIPTION_SIZE + 80];
	size_t size;
	int r;

	lock_acquire(&keys_lock);
	r = describe_locked(id, text, sizeof(text));
	lock_release(&keys_lock);
	if (r)
		return r;
	size = strlen(text) + 1;
	if (to && room >= size && user_write(to, text, size))
		return -EFAULT;
	return (long)size;
}

/* No security module labels keys: an empty string. */
static long security(int32_t id, uint64_t to, uint64_t room)
{
	struct key *key;
	int r;

	lock_acquire(&keys_lock);
	r = key_lookup(id, KEY_NEED_VIEW | KEY_LOOKUP_UNUSABLE, &key);
	if (!r)
		key_unref(key);
	lock_release(&keys_lock);
	if (r)
		return r;
	return to && room && user_write(to, "", 1) ? -EFAULT : 1;
}

static long search(const struct syscall_args *args)
{
	CLEANUP(heap_freep) struct name *name = heap_alloc(sizeof(*name));
	CLEANUP(key_unrefp) struct key *top = NULL, *destination = NULL;
	const struct key_type *type;
	struct key *key;
	int r = name ? name_read(name, args->c, args->d) : -ENOMEM;

	if (r)
		return r;
	type = key_type_find(name->type);
	LOCK_SCOPE(&keys_lock);
	r = keyring_lookup((int32_t)args->b, KEY_NEED_SEARCH, &top);
	if (!r && (int32_t)args->e)
		r = keyring_lookup(
			(int32_t)args->e, KEY_NEED_WRITE | KEY_LOOKUP_CREATE, &destination);
	if (!r)
		r = type ? key_search(top, type, name->description, &key) : -ENOKEY;
	if (!r && destination)
		r = key_permit(key, KEY_NEED_LINK);
	if (!r && destination)
		r = keyring_link(destination, key);
	r = r ? r : key->serial;
	key_unref(TAKE(top)); /* within the lock */
	key_unref(TAKE(destination));
	return r;
}

/* ---- keyctl: what it changes ---- */

static long join_session(uint64_t from)
{
	CLEANUP(heap_freep) char *name = heap_alloc(KEY_DESCRIPTION_SIZE);
	int32_t serial;
	int r = name ? 0 : -ENOMEM;

	if (!r && from)
		r = string_read(name, from, KEY_DESCRIPTION_SIZE);
	if (!r && from && name[0] == '.')
		r = -EPERM;
	if (r)
		return r;
	LOCK_SCOPE(&keys_lock);
	r = keyring_join_session(from ? name : NULL, &serial);
	return r ? r : serial;
}

static long update(int32_t id, uint64_t from, uint64_t size)
{
	CLEANUP(payload_freep) uint8_t *payload = NULL;
	struct key *key;
	int r = size > PAYLOAD_SIZE_MAX ? -EINVAL : payload_read(from, size, &payload);

	if (r)
		return r;
	LOCK_SCOPE(&keys_lock);
	r = key_lookup(id, KEY_NEED_WRITE, &key);
	if (r)
		return r;
	if (key->type->is_keyring)
		r = -EOPNOTSUPP;
	else if (!size || size > key->type->size_max)
		r = -EINVAL;
	else
		r = key_update(key, payload, (uint32_t)size);
	key_unref(key);
	if (payload)
		memory_wipe(payload, size);
	return r;
}

static int revoke(struct key *key)
{
	if (key_permit(key, KEY_NEED_WRITE) && key_permit(key, KEY_NEED_SETATTR))
		return -EACCES;
	key_revoke(key);
	return 0;
}

static int chown(struct key *key, uint32_t uid, uint32_t gid)
{
	const struct credentials *credentials = &thread_current()->credentials;
	bool is_admin = credentials_can(credentials, CAP_SYS_ADMIN);
	int r;

	if (!is_admin && uid != UNCHANGED && uid != key->uid)
		return -EACCES;
	if (!is_admin && gid != UNCHANGED && gid != key->gid &&
		!credentials_in_group(credentials, gid))
		return -EACCES;
	r = uid == UNCHANGED ? 0 : key_chown(key, uid);
	if (!r && gid != UNCHANGED)
		key->gid = gid;
	return r;
}

static int set_permissions(struct key *key, uint32_t permissions)
{
	const struct credentials *credentials = &thread_current()->credentials;

	if (key->uid != credentials->fsuid && !credentials_can(credentials, CAP_SYS_ADMIN))
		return -EACCES;
	key->permissions = permissions;
	return 0;
}

static void set_timeout(struct key *key, uint32_t seconds)
{
	key->deadline_ns = seconds ? clock_monotonic_ns() + seconds * NS_PER_S : 0;
}

static int clear(struct key *key)
{
	if (!key->type->is_keyring)
		return -ENOTDIR;
	keyring_clear(key);
	return 0;
}

/* Those about one key alone. */
static long change(uint32_t command, int32_t id, uint64_t first, uint64_t second)
{
	static const uint32_t needs[] = {
		[KEYCTL_REVOKE] = KEY_NEED_NOTHING,
		[KEYCTL_CHOWN] = KEY_NEED_SETATTR | KEY_LOOKUP_UNUSABLE,
		[KEYCTL_SETPERM] = KEY_NEED_SETATTR | KEY_LOOKUP_UNUSABLE,
		[KEYCTL_CLEAR] = KEY_NEED_WRITE,
		[KEYCTL_SET_TIMEOUT] = KEY_NEED_SETATTR | KEY_LOOKUP_UNUSABLE,
		[KEYCTL_INVALIDATE] = KEY_NEED_SEARCH,
	};
	struct key *key;
	int r;

	if (command == KEYCTL_SETPERM && (uint32_t)first & ~KEY_PERMISSIONS_ALL)
		return -EINVAL;
	LOCK_SCOPE(&keys_lock);
	r = key_lookup(id, needs[command], &key);
	if (r)
		return r;
	if (command == KEYCTL_REVOKE)
		r = revoke(key);
	else if (command == KEYCTL_CHOWN)
		r = chown(key, (uint32_t)first, (uint32_t)second);
	else if (command == KEYCTL_SETPERM)
		r = set_permissions(key, (uint32_t)first);
	else if (command == KEYCTL_CLEAR)
		r = clear(key);
	else if (command == KEYCTL_SET_TIMEOUT)
		set_timeout(key, (uint32_t)first);
	else
		key_unlink_everywhere(key);
	key_unref(key);
	return r;
}

static long link(bool is_link, int32_t id, int32_t keyring_id)
{
	struct key *key, *keyring;
	int r;

	LOCK_SCOPE(&keys_lock);
	r = keyring_lookup(
		keyring_id, KEY_NEED_WRITE | (is_link ? KEY_LOOKUP_CREATE : 0), &keyring);
	if (r)
		return r;
	r = key_lookup(id, is_link ? KEY_NEED_LINK : KEY_LOOKUP_UNUSABLE, &key);
	if (!r) {
		r = is_link ? keyring_link(keyring, key) : keyring_unlink(keyring, key);
		key_unref(key);
	}
	key_unref(keyring);
	return r;
}

static long set_destination(struct thread *thread, int32_t destination)
{
	int32_t old = thread->key_destination;
	struct key *keyring = NULL;
	int r = 0;

	if (destination == KEY_REQKEY_DEFL_NO_CHANGE)
		return old;
	if (destination < 0 || destination > KEY_REQKEY_DEFL_USER_SESSION_KEYRING)
		return -EINVAL;
	LOCK_SCOPE(&keys_lock);
	if (destination == KEY_REQKEY_DEFL_THREAD_KEYRING ||
		destination == KEY_REQKEY_DEFL_PROCESS_KEYRING)
		r = keyring_lookup(-destination, KEY_LOOKUP_CREATE, &keyring);
	key_unref(keyring);
	if (r)
		return r;
	thread->key_destination = destination;
	return old;
}

static long get_keyring_id(int32_t id, bool create)
{
	LOCK_SCOPE(&keys_lock);
	return keyring_id(id, create);
}

static long give_session(void)
{
	LOCK_SCOPE(&process_table_lock);
	LOCK_SCOPE(&keys_lock);
	return keyring_give_session();
}

long sys_keyctl(struct thread *thread, const struct syscall_args *args)
{
	uint32_t command = (uint32_t)args->a;
	int32_t id = (int32_t)args->b;

	switch (command) {
	case KEYCTL_GET_KEYRING_ID:
		return get_keyring_id(id, (int32_t)args->c);
	case KEYCTL_JOIN_SESSION_KEYRING:
		return join_session(args->b);
	case KEYCTL_UPDATE:
		return update(id, args->c, args->d);
	case KEYCTL_REVOKE:
	case KEYCTL_CHOWN:
	case KEYCTL_SETPERM:
	case KEYCTL_CLEAR:
	case KEYCTL_SET_TIMEOUT:
	case KEYCTL_INVALIDATE:
		return change(command, id, args->c, args->d);
	case KEYCTL_DESCRIBE:
		return describe(id, args->c, args->d);
	case KEYCTL_LINK:
	case KEYCTL_UNLINK:
		return link(command == KEYCTL_LINK, id, (int32_t)args->c);
	case KEYCTL_SEARCH:
		return search(args);
	case KEYCTL_READ:
		return read(id, args->c, args->d);
	case KEYCTL_SET_REQKEY_KEYRING:
		return set_destination(thread, id);
	case KEYCTL_GET_SECURITY:
		return security(id, args->c, args->d);
	case KEYCTL_ASSUME_AUTHORITY: /* nobody is ever asked to make a key */
		return id < 0 ? -EINVAL : id ? -ENOKEY : 0;
	case KEYCTL_INSTANTIATE:
	case KEYCTL_INSTANTIATE_IOV:
	case KEYCTL_NEGATE:
	case KEYCTL_REJECT:
		return -EPERM;
	case KEYCTL_SESSION_TO_PARENT:
		return give_session();
	default:
		return -EOPNOTSUPP;
	}
}
