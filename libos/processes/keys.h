/* Keys and keyrings: keyrings(7), keyctl(2). Small secrets that processes keep in the LibOS rather
 * than in their own memory; and keyrings, which are keys that link to others.
 *
 * A key lives as long as something refers to it: a link of a keyring, a process or thread whose
 * keyring it is, or a user. One lock guards all of it: every function but those that say otherwise
 * is called with keys_lock held. It comes after process_table_lock and before the heap. */
#ifndef LIBOS_PROCESSES_KEYS_H
#define LIBOS_PROCESSES_KEYS_H

#include "base/list.h"
#include "libos/core/lock.h"

#define KEYS_MAX 32768U     /* in the enclave: -EDQUOT beyond */
#define KEY_LINKS_MAX 4096U /* of one keyring: -EDQUOT beyond */
#define KEY_DEPTH_MAX 6U    /* keyrings below each other: -ELOOP beyond */
#define KEY_DESCRIPTION_SIZE 4096U
#define KEY_TYPE_SIZE 32U
#define KEY_NEGATIVE_SECONDS 60U

/* The lower half-byte of each of a key's four masks: KEY_*_VIEW and so on, shifted down. */
enum key_need {
	KEY_NEED_NOTHING = 0,
	KEY_NEED_VIEW = 0x01,
	KEY_NEED_READ = 0x02,
	KEY_NEED_WRITE = 0x04,
	KEY_NEED_SEARCH = 0x08,
	KEY_NEED_LINK = 0x10,
	KEY_NEED_SETATTR = 0x20,
};
#define KEY_PERMISSIONS_ALL 0x3f3f3f3fU
#define KEY_PERMISSIONS_NEW 0x3f010000U /* all for who possesses it, its owner may look */

/* What sets one kind of key apart. */
struct key_type {
	const char *name;
	uint32_t size_max; /* bytes; 0: no payload */
	bool is_keyring, is_readable;
	bool has_prefix; /* its description reads "service:name" */
};

struct key {
	struct list link; /* of all */
	int32_t serial;
	int32_t reference_count;
	const struct key_type *type;
	struct key_user *user; /* whose quota it counts for */
	uint32_t uid, gid, permissions;
	bool is_revoked, is_negative;
	bool is_users;        /* the keyring of a user, made by nobody else */
	uint64_t deadline_ns; /* monotonic; 0: none */
	char *description;    /* heap */
	uint8_t *payload;     /* heap; wiped when it goes */
	uint32_t size;        /* bytes of payload */
	struct key **links;   /* a keyring's: referenced */
	uint32_t link_count, link_room;
	uint32_t visit; /* of the last search that came by */
};

struct text;
struct computed_entry;

extern struct lock keys_lock;
extern int32_t key_root_count_limit, key_root_bytes_limit; /* of uid 0 */
extern int32_t key_user_count_limit, key_user_bytes_limit; /* of each other uid */

/* NULL: there is no such type. */
const struct key_type *key_type_find(const char *name);
/* A key of the calling thread's, referenced; @payload is copied. -EDQUOT, -ENOMEM. */
MUST_CHECK int key_new(const struct key_type *type, const char *description, const void *payload,
	uint32_t size, uint32_t permissions, struct key **ret_key);
struct key *key_ref(struct key *key);
void key_unref(struct key *key); /* NULL is fine */
uint32_t key_visit_new(void);    /* a number that no key's visit has */
/* Another payload: -EDQUOT, -ENOMEM. */
MUST_CHECK int key_update(struct key *key, const void *payload, uint32_t size);
void key_revoke(struct key *key);
/* 0, or what keeps it from being used: -EKEYREVOKED, -EKEYEXPIRED, -ENOKEY (negative). */
MUST_CHECK int key_check(const struct key *key);
/* -ENOKEY: there is none with that number. */
MUST_CHECK int key_find(int32_t serial, struct key **ret_key);
/* A user's own keyring of that name; a keyring that may be joined by its name. NULL: none. */
struct key *key_find_users(const char *name);
struct key *key_find_session(const char *name);
bool key_is(const struct key *key, const struct key_type *type, const char *description);
/* Gives it to another user, and its quota. -EDQUOT, -ENOMEM. */
MUST_CHECK int key_chown(struct key *key, uint32_t uid);

/* @key is linked; one like it is not any more. -EDQUOT, -ENOMEM, -EDEADLK, -ELOOP. */
MUST_CHECK int keyring_link(struct key *keyring, struct key *key);
MUST_CHECK int keyring_unlink(struct key *keyring, const struct key *key); /* -ENOENT */
void keyring_clear(struct key *keyring);
void key_unlink_everywhere(struct key *key);
/* The one of its kind that is linked, or NULL. */
struct key *keyring_find(
	const struct key *keyring, const struct key_type *type, const char *description);

/* /proc/key-users; takes the lock. */
int key_users_show(const struct computed_entry *entry, struct text *text);

#endif
