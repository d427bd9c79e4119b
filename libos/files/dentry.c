#include "libos/files/dentry.h"

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/log.h"
#include "libos/files/mount.h"
#include "libos/files/notify.h"

#define BUCKET_BITS 16
#define BUCKET_COUNT (1UL << BUCKET_BITS)

struct bucket {
	struct lock lock;
	struct dentry *first;
};

struct lock rename_lock;
static struct bucket *buckets;

int dentry_cache_init(void)
{
	buckets = pool_alloc(BUCKET_COUNT * sizeof(*buckets));
	return buckets ? 0 : -ENOMEM;
}

/* FNV-1a over the name, from the directory's address on; the product's high bits pick the bucket.
 * Whoever makes collisions slows down only its own enclave. */
static uint32_t name_hash(const struct dentry *parent, const char *name, uint32_t length)
{
	uint64_t hash = (uintptr_t)parent >> 5;

	for (uint32_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)name[i]) * 0x100000001b3UL;
	return (uint32_t)(hash * 0x9e3779b97f4a7c15UL >> 32);
}

static struct bucket *bucket_of(uint32_t hash)
{
	return &buckets[hash >> (32 - BUCKET_BITS)];
}

static int name_store(struct dentry *dentry, const char *name, uint32_t length)
{
	char *to = dentry->inline_name;

	if (length >= sizeof(dentry->inline_name)) {
		to = heap_alloc(length + 1);
		if (!to)
			return -ENOMEM;
	}
	memcpy(to, name, length);
	to[length] = '\0';
	dentry->name = to;
	dentry->name_length = length;
	return 0;
}

static void name_free(struct dentry *dentry, const char *name)
{
	if (name != dentry->inline_name)
		heap_free((void *)(uintptr_t)name);
}

struct dentry *dentry_new(
	struct dentry *parent, const char *name, uint32_t length, struct inode *inode)
{
	struct dentry *dentry = heap_alloc(sizeof(*dentry));

	if (!dentry)
		return NULL;
	if (name_store(dentry, name, length)) {
		heap_free(dentry);
		return NULL;
	}
	dentry->reference_count = 1;
	dentry->flags = parent ? 0 : DENTRY_ANONYMOUS;
	dentry->parent = parent ? dentry_ref(parent) : NULL;
	dentry->inode = inode ? inode_ref(inode) : NULL;
	dentry->hash = name_hash(parent, name, length);
	dentry->next_position = 3;
	list_init(&dentry->children);
	list_init(&dentry->sibling);
	return dentry;
}

struct dentry *dentry_ref(struct dentry *dentry)
{
	__atomic_add_fetch(&dentry->reference_count, 1, __ATOMIC_RELAXED);
	return dentry;
}

/* A loop and not a recursion: the last reference of a deep path frees it up to its top. */
void dentry_unref(struct dentry *dentry)
{
	struct dentry *parent;

	while (dentry && __atomic_sub_fetch(&dentry->reference_count, 1, __ATOMIC_ACQ_REL) == 0) {
		parent = dentry->flags & DENTRY_ROOT ? NULL : dentry->parent;
		if (dentry->real) {
			parent = dentry->real;
			mount_unref(dentry->bind);
		} else if (dentry->inode && !dentry->inode->link_count)
			notify_inode(dentry->inode, NOTIFY_DELETE_SELF);
		inode_unref(dentry->inode);
		name_free(dentry, dentry->name);
		heap_free(dentry);
		dentry = parent;
	}
}

static bool is_named(const struct dentry *dentry, const struct dentry *parent, uint32_t hash,
	const char *name, uint32_t length)
{
	return dentry->hash == hash && dentry->parent == parent && dentry->name_length == length &&
	       !memcmp(dentry->name, name, length);
}

struct dentry *dentry_find(struct dentry *parent, const char *name, uint32_t length)
{
	uint32_t hash = name_hash(parent, name, length);
	struct bucket *bucket = bucket_of(hash);
	struct dentry *dentry;

	lock_acquire(&bucket->lock);
	for (dentry = bucket->first; dentry; dentry = dentry->hash_next) {
		if (is_named(dentry, parent, hash, name, length)) {
			dentry_ref(dentry);
			break;
		}
	}
	lock_release(&bucket->lock);
	return dentry;
}

/* The bucket is locked. */
static void hash_insert(struct dentry *dentry)
{
	struct bucket *bucket = bucket_of(dentry->hash);

	dentry->hash_next = bucket->first;
	bucket->first = dentry;
	dentry->flags |= DENTRY_HASHED;
}

static void hash_remove(struct dentry *dentry)
{
	struct dentry **link = &bucket_of(dentry->hash)->first;

	while (*link != dentry)
		link = &(*link)->hash_next;
	*link = dentry->hash_next;
	dentry->flags &= ~(uint32_t)DENTRY_HASHED;
}

static void list_in_directory(struct dentry *dentry, struct dentry *parent)
{
	dentry->position = parent->next_position++;
	list_add_tail(&parent->children, &dentry->sibling);
}

void dentry_link(struct dentry *dentry)
{
	struct bucket *bucket = bucket_of(dentry->hash);

	dentry_ref(dentry);
	list_in_directory(dentry, dentry->parent);
	lock_acquire(&bucket->lock);
	hash_insert(dentry);
	lock_release(&bucket->lock);
}

void dentry_unlink(struct dentry *dentry)
{
	struct bucket *bucket = bucket_of(dentry->hash);

	lock_acquire(&bucket->lock);
	hash_remove(dentry);
	dentry->flags |= DENTRY_UNLINKED;
	lock_release(&bucket->lock);
	list_remove(&dentry->sibling);
	dentry_unref(dentry);
}

static void buckets_lock(struct bucket *a, struct bucket *b)
{
	lock_acquire(a < b ? &a->lock : &b->lock);
	if (a != b)
		lock_acquire(a < b ? &b->lock : &a->lock);
}

static void buckets_unlock(struct bucket *a, struct bucket *b)
{
	lock_release(&a->lock);
	if (a != b)
		lock_release(&b->lock);
}

/* Who looks for the old name or the new one sees it before or after, never neither: both buckets
 * are locked meanwhile. */
int dentry_move(struct dentry *dentry, struct dentry *new_parent, const char *name, uint32_t length,
	struct dentry *target)
{
	uint32_t hash = name_hash(new_parent, name, length);
	struct bucket *from = bucket_of(dentry->hash), *to = bucket_of(hash);
	struct dentry *old_parent = dentry->parent;
	const char *old_name = dentry->name;
	char *long_name = NULL;

	if (length >= DENTRY_INLINE_NAME) {
		long_name = heap_alloc(length + 1);
		if (!long_name)
			return -ENOMEM;
	}
	buckets_lock(from, to);
	if (target) {
		hash_remove(target);
		target->flags |= DENTRY_UNLINKED;
	}
	hash_remove(dentry);
	dentry->name = long_name ? long_name : dentry->inline_name;
	memmove((char *)(uintptr_t)dentry->name, name, length);
	((char *)(uintptr_t)dentry->name)[length] = '\0';
	dentry->name_length = length;
	dentry->hash = hash;
	dentry->parent = dentry_ref(new_parent);
	hash_insert(dentry);
	buckets_unlock(from, to);

	if (target) {
		list_remove(&target->sibling);
		dentry_unref(target);
	}
	list_remove(&dentry->sibling);
	list_in_directory(dentry, new_parent);
	name_free(dentry, old_name);
	dentry_unref(old_parent);
	return 0;
}

/* Bytes of the structs that hold a name move with it. */
static void names_swap(struct dentry *a, struct dentry *b)
{
	char text[DENTRY_INLINE_NAME];
	const char *name_a = a->name, *name_b = b->name;
	bool inline_a = name_a == a->inline_name, inline_b = name_b == b->inline_name;
	uint32_t length = a->name_length, hash = a->hash;

	memcpy(text, a->inline_name, sizeof(text));
	memcpy(a->inline_name, b->inline_name, sizeof(text));
	memcpy(b->inline_name, text, sizeof(text));
	a->name = inline_b ? a->inline_name : name_b;
	b->name = inline_a ? b->inline_name : name_a;
	a->name_length = b->name_length;
	b->name_length = length;
	a->hash = b->hash;
	b->hash = hash;
}

void dentry_exchange(struct dentry *a, struct dentry *b)
{
	struct bucket *bucket_a = bucket_of(a->hash), *bucket_b = bucket_of(b->hash);
	struct dentry *parent = a->parent;

	buckets_lock(bucket_a, bucket_b);
	hash_remove(a);
	hash_remove(b);
	names_swap(a, b);
	a->parent = b->parent;
	b->parent = parent;
	hash_insert(a);
	hash_insert(b);
	buckets_unlock(bucket_a, bucket_b);

	list_remove(&a->sibling);
	list_remove(&b->sibling);
	list_in_directory(a, a->parent);
	list_in_directory(b, b->parent);
}

void dentry_set_inode(struct dentry *dentry, struct inode *inode)
{
	struct bucket *bucket = bucket_of(dentry->hash);

	lock_acquire(&bucket->lock);
	dentry->flags &= ~(uint32_t)(DENTRY_NEGATIVE | DENTRY_WHITEOUT | DENTRY_UNLOADED);
	__atomic_store_n(&dentry->inode, inode, __ATOMIC_RELEASE);
	lock_release(&bucket->lock);
}

struct mount *dentry_mount(const struct dentry *dentry)
{
	return dentry->bind ? dentry->bind : dentry->inode->mount;
}

struct dentry *dentry_alias(struct mount *bind, struct dentry *real)
{
	struct dentry *alias;

	if (!bind)
		return real;
	alias = dentry_new(NULL, "", 0, real->inode);
	if (!alias) {
		dentry_unref(real);
		return NULL;
	}
	alias->flags = real == bind->bound ? DENTRY_ROOT : 0;
	alias->real = real;
	alias->bind = bind;
	mount_ref(bind);
	return alias;
}

int dentry_check_writable(const struct dentry *dentry)
{
	return dentry && dentry->bind && dentry->bind->flags & MOUNT_READ_ONLY ? -EROFS : 0;
}

/* ---- Up: rename_lock held ---- */

/* Where a walk is: an alias taken apart. @bind NULL: the dentry itself. */
struct spot {
	struct dentry *at;
	struct mount *bind;
};

static struct spot spot_of(struct dentry *dentry)
{
	return (struct spot){dentry_real(dentry), dentry->bind};
}

static bool spot_is(struct spot a, struct spot b)
{
	return a.at == b.at && a.bind == b.bind;
}

static bool spot_is_top(struct spot spot)
{
	return spot.bind ? spot.at == spot.bind->bound : spot.at->flags & DENTRY_ROOT;
}

/* What the mount with that root covers, or NULL. */
static struct dentry *spot_covers(struct spot top)
{
	return (top.bind ? top.bind : top.at->inode->mount)->covered;
}

static struct spot spot_parent(struct spot spot)
{
	while (spot_is_top(spot) && spot_covers(spot))
		spot = spot_of(spot_covers(spot));
	if (!spot_is_top(spot) && spot.at->parent)
		spot.at = spot.at->parent;
	return spot;
}

/* Was it moved to where its bind mount does not reach? */
static bool spot_is_outside(struct spot spot)
{
	struct dentry *at = spot.at;

	if (!spot.bind)
		return false;
	while (at != spot.bind->bound && at->parent && at->parent != at)
		at = at->parent;
	return at != spot.bind->bound;
}

/* Out of a bind mount's reach there is no way up: it would lead to what the mount does not show. */
struct dentry *dentry_parent(struct dentry *dentry)
{
	struct spot parent = spot_of(dentry);

	lock_acquire(&rename_lock);
	if (!spot_is_outside(parent))
		parent = spot_parent(parent);
	dentry_ref(parent.at);
	if (parent.bind)
		mount_ref(parent.bind);
	lock_release(&rename_lock);
	dentry = dentry_alias(parent.bind, parent.at);
	if (parent.bind)
		mount_unref(parent.bind);
	return dentry;
}

bool dentry_is_below(struct dentry *dentry, struct dentry *ancestor)
{
	struct spot at = spot_of(dentry), top = spot_of(ancestor);

	for (;;) {
		struct spot parent = spot_parent(at);

		if (spot_is(at, top))
			return true;
		if (spot_is(parent, at))
			return false;
		at = parent;
	}
}

/* One step of dentry_climb: false at the root of all. */
static bool spot_climb(struct spot *spot)
{
	struct spot up = *spot;

	while (spot_is_top(up)) {
		if (!spot_covers(up))
			return false;
		up = spot_of(spot_covers(up));
	}
	if (up.at->parent && up.at->parent != up.at)
		up.at = up.at->parent;
	else if (up.bind)
		up.at = up.bind->bound;
	else
		return false;
	*spot = up;
	return true;
}

void dentry_climb(struct dentry *dentry, bool (*visit)(void *context, const struct inode *inode),
	void *context)
{
	struct spot at = spot_of(dentry);

	while (!visit(context, at.at->inode) && spot_climb(&at))
		continue;
}

/* A text built from its end. */
struct tail {
	char *start, *at;
};

static bool tail_put(struct tail *tail, const char *text, size_t length)
{
	if ((size_t)(tail->at - tail->start) < length)
		return false;
	tail->at -= length;
	memcpy(tail->at, text, length);
	return true;
}

/* Up from @spot, "/name" each. *ret_reached: it ended at @root. */
static bool path_put(struct tail *tail, struct spot spot, struct spot root, bool *ret_reached)
{
	while (!spot_is(spot, root)) {
		const struct dentry *at = spot.at;

		if (spot_is_top(spot) && spot_covers(spot)) {
			spot = spot_of(spot_covers(spot));
			continue;
		}
		if (at->flags & DENTRY_ROOT || spot_is_top(spot))
			break;
		if (!tail_put(tail, at->name, at->name_length) || !tail_put(tail, "/", 1))
			return false;
		if (at->flags & DENTRY_ANONYMOUS) {
			*ret_reached = true; /* without a directory */
			return true;
		}
		spot.at = at->parent;
	}
	*ret_reached = spot_is(spot, root);
	return true;
}

long dentry_path(struct dentry *dentry, struct dentry *root, char *to, size_t size)
{
	struct tail tail = {to, to + size};
	char *end = to + size - 1;
	bool is_reached;
	long length;

	LOCK_SCOPE(&rename_lock);
	if (!size || !tail_put(&tail, "", 1))
		return -ENAMETOOLONG;
	if (dentry_real(dentry)->flags & DENTRY_UNLINKED && !tail_put(&tail, " (deleted)", 10))
		return -ENAMETOOLONG;
	if (!path_put(&tail, spot_of(dentry), spot_of(root), &is_reached))
		return -ENAMETOOLONG;
	if ((tail.at == end || *tail.at == ' ') && !tail_put(&tail, "/", 1))
		return -ENAMETOOLONG;
	if (!is_reached && !tail_put(&tail, "(unreachable)", 13))
		return -ENAMETOOLONG;
	length = end - tail.at;
	memmove(to, tail.at, (size_t)length + 1);
	return length;
}
