#include "libos/processes/keys.h"

#include <linux/errno.h>

#include "base/format.h"
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/text.h"
#include "libos/processes/process.h"
#include "libos/time/clock.h"

#define SERIAL_FIRST 0x10000000
#define LINKS_FIRST 8U

/* A user who has keys. */
struct key_user {
	struct list link;
	uint32_t uid, count;
	uint64_t bytes; /* of descriptions and payloads */
};

struct lock keys_lock;
int32_t key_root_count_limit = 1000000, key_root_bytes_limit = 25000000;
int32_t key_user_count_limit = 200, key_user_bytes_limit = 20000;

static struct list keys = LIST_INIT(keys);
static struct list users = LIST_INIT(users);
static uint32_t key_count;
static int32_t last_serial = SERIAL_FIRST;

static const struct key_type types[] = {
	{.name = "keyring", .is_keyring = true, .is_readable = true},
	{.name = "user", .size_max = 32767, .is_readable = true},
	{.name = "logon", .size_max = 32767, .has_prefix = true},
	{.name = "big_key", .size_max = (1U << 20) - 1, .is_readable = true},
};

const struct key_type *key_type_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i].name, name))
			return &types[i];
	return NULL;
}

/* ---- Quotas ---- */

static struct key_user *user_get(uint32_t uid)
{
	struct key_user *user;

	LIST_FOR_EACH (user, &users, link)
		if (user->uid == uid)
			return user;
	user = heap_alloc(sizeof(*user));
	if (!user)
		return NULL;
	user->uid = uid;
	list_add_tail(&users, &user->link);
	return user;
}

static void user_put(struct key_user *user)
{
	if (user->count)
		return;
	list_remove(&user->link);
	heap_free(user);
}

/* May @user have so much more? */
static bool has_quota(const struct key_user *user, uint32_t count, uint64_t bytes)
{
	int32_t count_limit = user->uid ? key_user_count_limit : key_root_count_limit;
	int32_t bytes_limit = user->uid ? key_user_bytes_limit : key_root_bytes_limit;

	return user->count + count <= (uint32_t)count_limit &&
	       user->bytes + bytes <= (uint64_t)bytes_limit;
}

static uint64_t size_of(const struct key *key)
{
	return strlen(key->description) + 1 + key->size;
}

int key_users_show(const struct computed_entry *entry, struct text *text)
{
	const struct key_user *user;

	(void)entry;
	LOCK_SCOPE(&keys_lock);
	LIST_FOR_EACH (user, &users, link)
		text_put(text, "%5u: %5u %u/%u %u/%d %lu/%d\n", user->uid, user->count, user->count,
			user->count, user->count,
			user->uid ? key_user_count_limit : key_root_count_limit, user->bytes,
			user->uid ? key_user_bytes_limit : key_root_bytes_limit);
	return 0;
}

/* ---- One key ---- */

static int32_t next_serial(void)
{
	struct key *other;

	do
		last_serial = last_serial == INT32_MAX ? SERIAL_FIRST : last_serial + 1;
	while (!key_find(last_serial, &other));
	return last_serial;
}

static void payload_free(struct key *key)
{
	if (key->payload)
		memory_wipe(key->payload, key->size);
	heap_free(TAKE(key->payload));
	key->size = 0;
}

static struct key *alloc(const char *description, const void *payload, uint32_t size)
{
	struct key *key = heap_alloc(sizeof(*key));

	if (!key)
		return NULL;
	key->description = heap_alloc(strlen(description) + 1);
	key->payload = size ? heap_alloc(size) : NULL;
	if (!key->description || (size && !key->payload)) {
		heap_free(key->description);
		heap_free(key->payload);
		heap_free(key);
		return NULL;
	}
	memcpy(key->description, description, strlen(description) + 1);
	if (size)
		memcpy(key->payload, payload, size);
	key->size = size;
	return key;
}

static void key_free(struct key *key)
{
	keyring_clear(key);
	heap_free(key->links);
	key->user->count--;
	key->user->bytes -= size_of(key);
	user_put(key->user);
	payload_free(key);
	heap_free(key->description);
	list_remove(&key->link);
	key_count--;
	heap_free(key);
}

int key_new(const struct key_type *type, const char *description, const void *payload,
	uint32_t size, uint32_t permissions, struct key **ret_key)
{
	const struct credentials *credentials = &thread_current()->credentials;
	struct key_user *user = user_get(credentials->fsuid);
	struct key *key;

	if (!user)
		return -ENOMEM;
	if (key_count >= KEYS_MAX || !has_quota(user, 1, strlen(description) + 1 + size)) {
		user_put(user);
		return -EDQUOT;
	}
	key = alloc(description, payload, size);
	if (!key) {
		user_put(user);
		return -ENOMEM;
	}
	key->serial = next_serial();
	key->reference_count = 1;
	key->type = type;
	key->uid = credentials->fsuid;
	key->gid = credentials->fsgid;
	key->permissions = permissions;
	key->user = user;
	user->count++;
	user->bytes += size_of(key);
	list_add_tail(&keys, &key->link);
	key_count++;
	*ret_key = key;
	return 0;
}

struct key *key_ref(struct key *key)
{
	key->reference_count++;
	return key;
}

/* A chain of keyrings may be long: one after the other, not one within the other. */
void key_unref(struct key *key)
{
	static struct list dead = LIST_INIT(dead);
	static bool is_freeing;

	if (!key || --key->reference_count)
		return;
	list_remove(&key->link);
	list_add_tail(&dead, &key->link);
	if (is_freeing)
		return;
	is_freeing = true;
	while (!list_is_empty(&dead))
		key_free(LIST_FIRST(&dead, struct key, link));
	is_freeing = false;
}

uint32_t key_visit_new(void)
{
	static uint32_t last;

	return ++last ? last : ++last;
}

int key_update(struct key *key, const void *payload, uint32_t size)
{
	uint8_t *copy;

	if (size > key->size && !has_quota(key->user, 0, size - key->size))
		return -EDQUOT;
	copy = heap_alloc(size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, payload, size);
	key->user->bytes += size;
	key->user->bytes -= key->size;
	payload_free(key);
	key->payload = copy;
	key->size = size;
	key->is_negative = false;
	key->deadline_ns = 0;
	return 0;
}

void key_revoke(struct key *key)
{
	key->is_revoked = true;
	key->user->bytes -= key->size;
	payload_free(key);
	keyring_clear(key);
}

int key_check(const struct key *key)
{
	if (key->is_revoked)
		return -EKEYREVOKED;
	if (key->deadline_ns && clock_monotonic_ns() >= key->deadline_ns)
		return -EKEYEXPIRED;
	return key->is_negative ? -ENOKEY : 0;
}

int key_find(int32_t serial, struct key **ret_key)
{
	struct key *key;

	LIST_FOR_EACH (key, &keys, link) {
		if (key->serial == serial) {
			*ret_key = key;
			return 0;
		}
	}
	return -ENOKEY;
}

struct key *key_find_users(const char *name)
{
	struct key *key;

	LIST_FOR_EACH (key, &keys, link)
		if (key->is_users && !strcmp(key->description, name))
			return key;
	return NULL;
}

struct key *key_find_session(const char *name)
{
	struct key *key;

	LIST_FOR_EACH (key, &keys, link)
		if (key->type->is_keyring && !key->is_users && !key_check(key) &&
			!strcmp(key->description, name))
			return key;
	return NULL;
}

bool key_is(const struct key *key, const struct key_type *type, const char *description)
{
	return key->type == type && !strcmp(key->description, description);
}

int key_chown(struct key *key, uint32_t uid)
{
	struct key_user *old = key->user, *user;

	if (uid == key->uid)
		return 0;
	user = user_get(uid);
	if (!user)
		return -ENOMEM;
	if (user != old && !has_quota(user, 1, size_of(key))) {
		user_put(user);
		return -EDQUOT;
	}
	user->count++;
	user->bytes += size_of(key);
	old->count--;
	old->bytes -= size_of(key);
	key->user = user;
	key->uid = uid;
	user_put(old);
	return 0;
}

/* ---- Keyrings ---- */

static int grow(struct key *keyring)
{
	uint32_t room = MAX(2 * keyring->link_room, LINKS_FIRST);
	struct key **links;

	if (keyring->link_count < keyring->link_room)
		return 0;
	if (room > KEY_LINKS_MAX)
		return -EDQUOT;
	links = heap_alloc(room * sizeof(struct key *));
	if (!links)
		return -ENOMEM;
	if (keyring->link_count)
		memcpy(links, keyring->links, keyring->link_count * sizeof(struct key *));
	heap_free(keyring->links);
	keyring->links = links;
	keyring->link_room = room;
	return 0;
}

/* Is @keyring to be found below @from? -EDEADLK: it is; -ELOOP: too deep to say. */
static int check_cycle(const struct key *keyring, struct key *from, uint32_t depth, uint32_t visit)
{
	int r = from == keyring ? -EDEADLK : 0;

	if (from->visit == visit)
		return 0;
	if (depth > KEY_DEPTH_MAX)
		return -ELOOP;
	from->visit = visit;
	for (uint32_t i = 0; !r && i < from->link_count; i++)
		if (from->links[i]->type->is_keyring)
			r = check_cycle(keyring, from->links[i], depth + 1, visit);
	return r;
}

int keyring_link(struct key *keyring, struct key *key)
{
	int r = key->type->is_keyring ? check_cycle(keyring, key, 1, key_visit_new()) : 0;

	r = r ? r : grow(keyring);
	if (r)
		return r;
	key_ref(key);
	for (uint32_t i = 0; i < keyring->link_count; i++) {
		struct key *other = keyring->links[i];

		if (key_is(other, key->type, key->description)) {
			keyring->links[i] = key;
			key_unref(other);
			return 0;
		}
	}
	keyring->links[keyring->link_count++] = key;
	return 0;
}

int keyring_unlink(struct key *keyring, const struct key *key)
{
	uint32_t i = 0;
	struct key *gone;

	while (i < keyring->link_count && keyring->links[i] != key)
		i++;
	if (i == keyring->link_count)
		return -ENOENT;
	gone = keyring->links[i];
	keyring->links[i] = keyring->links[--keyring->link_count];
	key_unref(gone);
	return 0;
}

void keyring_clear(struct key *keyring)
{
	while (keyring->link_count)
		key_unref(keyring->links[--keyring->link_count]);
}

void key_unlink_everywhere(struct key *key)
{
	struct key *keyring;

	key_ref(key);
	LIST_FOR_EACH (keyring, &keys, link)
		(void)!keyring_unlink(keyring, key);
	key_unref(key);
}

struct key *keyring_find(
	const struct key *keyring, const struct key_type *type, const char *description)
{
	for (uint32_t i = 0; i < keyring->link_count; i++)
		if (key_is(keyring->links[i], type, description))
			return keyring->links[i];
	return NULL;
}
