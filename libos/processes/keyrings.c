#include "libos/processes/keyrings.h"

#include <linux/errno.h>
#include <linux/keyctl.h>

#include "base/format.h"
#include "libos/processes/process.h"

#define PERMISSIONS_OF_SESSION 0x3f030000U
#define PERMISSIONS_OF_USER 0x1f3f0000U
#define NAME_SIZE 32

/* ---- Permissions ---- */

static uint32_t granted(const struct key *key, bool is_possessed)
{
	const struct credentials *credentials = &thread_current()->credentials;
	uint32_t rights = key->permissions;

	if (key->uid == credentials->fsuid)
		rights = key->permissions >> 16;
	else if (credentials_in_group(credentials, key->gid))
		rights = key->permissions >> 8;
	return (is_possessed ? rights | key->permissions >> 24 : rights) & 0x3f;
}

/* What a search looks for, and what it found. */
struct search {
	const struct key *exactly; /* this one, or of that type and description: */
	const struct key_type *type;
	const char *description;
	uint32_t visit;
	struct key *found;
	int error;
};

static bool matches(struct search *search, struct key *key)
{
	int r;

	if (search->exactly)
		return key == search->exactly && granted(key, true) & KEY_NEED_SEARCH;
	if (!key_is(key, search->type, search->description))
		return false;
	r = granted(key, true) & KEY_NEED_SEARCH ? key_check(key) : -EACCES;
	if (r && search->error == -ENOKEY)
		search->error = r;
	return !r;
}

/* Each keyring once, as deep as links may go. */
static bool search_below(struct search *search, struct key *at, uint32_t depth)
{
	if (matches(search, at)) {
		search->found = at;
		return true;
	}
	if (!at->type->is_keyring || at->visit == search->visit || depth > KEY_DEPTH_MAX)
		return false;
	at->visit = search->visit;
	if (key_check(at) || !(granted(at, true) & KEY_NEED_SEARCH))
		return false;
	for (uint32_t i = 0; i < at->link_count; i++)
		if (search_below(search, at->links[i], depth + 1))
			return true;
	return false;
}

static struct key *user_keyring_known(bool is_session);

static void search_own(struct search *search)
{
	struct thread *thread = thread_current();
	struct key *session = thread->process->session_keyring;
	struct key *tops[] = {thread->keyring, thread->process->keyring,
		session ? session : user_keyring_known(true)};

	for (size_t i = 0; i < ARRAY_SIZE(tops); i++)
		if (tops[i] && search_below(search, tops[i], 1))
			return;
}

bool key_is_possessed(struct key *key)
{
	struct search search = {.exactly = key, .visit = key_visit_new()};

	search_own(&search);
	return search.found;
}

int key_permit(struct key *key, uint32_t need)
{
	if ((granted(key, false) & need) == need)
		return 0;
	return (granted(key, key_is_possessed(key)) & need) == need ? 0 : -EACCES;
}

int key_search(
	struct key *top, const struct key_type *type, const char *description, struct key **ret_key)
{
	struct search search = {.type = type,
		.description = description,
		.visit = key_visit_new(),
		.error = -ENOKEY};

	if (top)
		search_below(&search, top, 1);
	else
		search_own(&search);
	if (!search.found)
		return search.error;
	*ret_key = search.found;
	return 0;
}

/* ---- Users' keyrings, which are there from the first use on ---- */

static void user_keyring_name(char name[NAME_SIZE], bool is_session)
{
	format_string(name, NAME_SIZE, is_session ? "_uid_ses.%u" : "_uid.%u",
		thread_current()->credentials.uid);
}

static struct key *user_keyring_known(bool is_session)
{
	char name[NAME_SIZE];

	user_keyring_name(name, is_session);
	return key_find_users(name);
}

static int user_keyring_get(bool is_session, struct key **ret_key)
{
	char name[NAME_SIZE];
	struct key *below = NULL, *key = user_keyring_known(is_session);
	int r = 0;

	if (!key) {
		user_keyring_name(name, is_session);
		r = is_session ? user_keyring_get(false, &below) : 0;
		r = r ? r
		      : key_new(key_type_find("keyring"), name, NULL, 0, PERMISSIONS_OF_USER, &key);
		if (r)
			return r;
		key->is_users = true;
		key->uid = thread_current()->credentials.uid;
		r = below ? keyring_link(key, below) : 0;
	}
	*ret_key = key;
	return r;
}

/* ---- Lookup ---- */

static int own_get(struct key **keyring, const char *name, uint32_t permissions, bool create)
{
	if (*keyring)
		return 0;
	if (!create)
		return -ENOKEY;
	return key_new(key_type_find("keyring"), name, NULL, 0, permissions, keyring);
}

static int special_get(int32_t id, bool create, struct key **ret_key)
{
	struct thread *thread = thread_current();
	struct process *process = thread->process;
	int r;

	switch (id) {
	case KEY_SPEC_THREAD_KEYRING:
		r = own_get(&thread->keyring, "_tid", KEY_PERMISSIONS_NEW, create);
		*ret_key = thread->keyring;
		return r;
	case KEY_SPEC_PROCESS_KEYRING:
		r = own_get(&process->keyring, "_pid", KEY_PERMISSIONS_NEW, create);
		*ret_key = process->keyring;
		return r;
	case KEY_SPEC_SESSION_KEYRING:
		if (!process->session_keyring && !create)
			return user_keyring_get(true, ret_key);
		r = own_get(&process->session_keyring, "_ses", PERMISSIONS_OF_SESSION, true);
		*ret_key = process->session_keyring;
		return r;
	case KEY_SPEC_USER_KEYRING:
		return user_keyring_get(false, ret_key);
	case KEY_SPEC_USER_SESSION_KEYRING:
		return user_keyring_get(true, ret_key);
	case KEY_SPEC_REQKEY_AUTH_KEY:
	case KEY_SPEC_REQUESTOR_KEYRING:
		return -ENOKEY;
	default:
		return -EINVAL;
	}
}

int key_lookup(int32_t id, uint32_t how, struct key **ret_key)
{
	uint32_t need = how & 0x3f;
	struct key *key;
	int r = id > 0 ? key_find(id, &key) : special_get(id, how & KEY_LOOKUP_CREATE, &key);

	if (r)
		return r;
	r = how & KEY_LOOKUP_UNUSABLE ? 0 : key_check(key);
	r = r ? r : key_permit(key, need);
	if (!r)
		*ret_key = key_ref(key);
	return r;
}

int keyring_lookup(int32_t id, uint32_t how, struct key **ret_key)
{
	struct key *key;
	int r = key_lookup(id, how, &key);

	if (!r && !key->type->is_keyring) {
		key_unref(key);
		return -ENOTDIR;
	}
	if (!r)
		*ret_key = key;
	return r;
}

int keyring_join_session(const char *name, int32_t *ret_serial)
{
	struct process *process = thread_current()->process;
	struct key *keyring = name ? key_find_session(name) : NULL;
	int r = 0;

	if (keyring && !key_permit(keyring, KEY_NEED_SEARCH))
		key_ref(keyring);
	else
		r = key_new(key_type_find("keyring"), name ? name : "_ses", NULL, 0,
			PERMISSIONS_OF_SESSION, &keyring);
	if (r)
		return r;
	key_unref(process->session_keyring);
	process->session_keyring = keyring;
	*ret_serial = keyring->serial;
	return 0;
}

/* Neither has ever been anybody else. */
static bool is_same_user(const struct credentials *a, const struct credentials *b)
{
	return a->uid == b->euid && a->euid == b->euid && a->suid == b->euid && a->gid == b->egid &&
	       a->egid == b->egid && a->sgid == b->egid;
}

static bool may_be_given(const struct process *parent, const struct key *session)
{
	const struct credentials *self = &thread_current()->credentials;

	if (!parent || parent == process_init || parent->state != PROCESS_ALIVE ||
		parent->thread_count != 1 || !is_same_user(&parent->leader->credentials, self) ||
		session->uid != self->euid)
		return false;
	return !parent->session_keyring || parent->session_keyring->uid == self->euid;
}

int keyring_give_session(void)
{
	struct process *parent = thread_current()->process->parent;
	struct key *session;
	int r = keyring_lookup(KEY_SPEC_SESSION_KEYRING, KEY_NEED_LINK, &session);

	if (r)
		return r;
	if (!may_be_given(parent, session)) {
		key_unref(session);
		return -EPERM;
	}
	key_unref(parent->session_keyring);
	parent->session_keyring = session;
	return 0;
}

/* keyctl(2), KEYCTL_SET_REQKEY_KEYRING: by default the first that there is. */
static int32_t destination_id(const struct thread *thread)
{
	switch (thread->key_destination) {
	case KEY_REQKEY_DEFL_THREAD_KEYRING:
		return KEY_SPEC_THREAD_KEYRING;
	case KEY_REQKEY_DEFL_PROCESS_KEYRING:
		return KEY_SPEC_PROCESS_KEYRING;
	case KEY_REQKEY_DEFL_SESSION_KEYRING:
		return KEY_SPEC_SESSION_KEYRING;
	case KEY_REQKEY_DEFL_USER_KEYRING:
		return KEY_SPEC_USER_KEYRING;
	case KEY_REQKEY_DEFL_USER_SESSION_KEYRING:
		return KEY_SPEC_USER_SESSION_KEYRING;
	default:
		return thread->keyring            ? KEY_SPEC_THREAD_KEYRING
		       : thread->process->keyring ? KEY_SPEC_PROCESS_KEYRING
						  : KEY_SPEC_SESSION_KEYRING;
	}
}

int keyring_destination(struct key **ret_key)
{
	return keyring_lookup(destination_id(thread_current()), KEY_NEED_WRITE, ret_key);
}

/* ---- The life of threads and processes ---- */

void keyrings_inherit(struct thread *child, struct thread *parent)
{
	struct key *session;

	LOCK_SCOPE(&keys_lock);
	child->key_destination = parent->key_destination;
	session = parent->process->session_keyring;
	if (child->process != parent->process && session)
		child->process->session_keyring = key_ref(session);
}

void keyrings_release(struct thread *thread)
{
	if (!thread->keyring)
		return;
	LOCK_SCOPE(&keys_lock);
	key_unref(TAKE(thread->keyring));
}

void keyrings_exec(struct thread *thread)
{
	keyrings_release(thread);
	LOCK_SCOPE(&keys_lock);
	key_unref(TAKE(thread->process->keyring));
}

void keyrings_exit(struct process *process)
{
	LOCK_SCOPE(&keys_lock);
	key_unref(TAKE(process->keyring));
	key_unref(TAKE(process->session_keyring));
}
