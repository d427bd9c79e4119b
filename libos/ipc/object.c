#include "libos/ipc/object.h"

#include <asm/errno.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/processes/thread.h"
#include "libos/time/timespec.h"
#include "platform/platform.h"

#define CAP_IPC_OWNER 15
#define CAP_SYS_ADMIN 21
#define INDEX_BITS 15
#define INDEX_COUNT (1U << INDEX_BITS)
#define SEQUENCE_MAX (INT32_MAX >> INDEX_BITS)
#define CAPACITY_FIRST 16U

int64_t ipc_now(void)
{
	return (int64_t)(platform_realtime_ns() / NS_PER_S);
}

static struct ipc_object *find_key(const struct ipc_table *table, int32_t key)
{
	for (uint32_t i = 0; key && i < table->capacity; i++)
		if (table->objects[i] && table->objects[i]->key == key)
			return table->objects[i];
	return NULL;
}

int ipc_find_key(
	struct ipc_table *table, int32_t key, uint32_t flags, struct ipc_object **ret_object)
{
	struct ipc_object *object = find_key(table, key);

	if (!object)
		return !key || flags & IPC_CREAT ? 1 : -ENOENT;
	if ((flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
		return -EEXIST;
	*ret_object = object;
	return 0;
}

int ipc_find_index(struct ipc_table *table, int32_t index, struct ipc_object **ret_object)
{
	index %= (int32_t)INDEX_COUNT; /* a number names its place as well */
	if (index < 0 || (uint32_t)index >= table->capacity || !table->objects[index])
		return -EINVAL;
	*ret_object = table->objects[index];
	return 0;
}

int ipc_find(struct ipc_table *table, int32_t id, struct ipc_object **ret_object)
{
	struct ipc_object *object;

	if (id < 0 || ipc_find_index(table, id % (int32_t)INDEX_COUNT, &object) || object->id != id)
		return -EINVAL;
	*ret_object = object;
	return 0;
}

int ipc_find_readable(
	struct ipc_table *table, int32_t id, enum ipc_by by, struct ipc_object **ret_object)
{
	struct ipc_object *object;
	int r = by == IPC_BY_ID ? ipc_find(table, id, &object) : ipc_find_index(table, id, &object);

	if (!r && by != IPC_BY_INDEX_ANY)
		r = ipc_object_permit(object, IPC_READ);
	if (!r)
		*ret_object = object;
	return r;
}

static int grow(struct ipc_table *table)
{
	uint32_t capacity = MIN(MAX(2 * table->capacity, CAPACITY_FIRST), INDEX_COUNT);
	struct ipc_object **objects = heap_alloc(capacity * sizeof(struct ipc_object *));

	if (!objects)
		return -ENOMEM;
	if (table->objects)
		memcpy(objects, table->objects, table->capacity * sizeof(struct ipc_object *));
	heap_free(table->objects);
	table->objects = objects;
	table->capacity = capacity;
	return 0;
}

/* The first free place from @index on: -ENOSPC, -ENOMEM. */
static int find_place(struct ipc_table *table, uint32_t index, uint32_t *ret_index)
{
	int r = 0;

	while (index < table->capacity && table->objects[index])
		index++;
	if (index == INDEX_COUNT)
		return -ENOSPC;
	while (!r && index >= table->capacity)
		r = grow(table);
	*ret_index = index;
	return r;
}

/* Where a new one goes and what its number is. The one that was asked for by next_id, or another at
 * a later place. */
static int choose(struct ipc_table *table, uint32_t *ret_index, uint32_t *ret_sequence)
{
	int32_t asked = __atomic_exchange_n(&table->next_id, -1, __ATOMIC_RELAXED);
	int r = find_place(table, asked < 0 ? 0 : (uint32_t)asked % INDEX_COUNT, ret_index);

	if (r)
		return r;
	if (asked >= 0) {
		*ret_sequence = (uint32_t)asked >> INDEX_BITS;
		return 0;
	}
	if (*ret_index <= table->last_index && ++table->sequence > SEQUENCE_MAX)
		table->sequence = 0;
	table->last_index = *ret_index;
	*ret_sequence = table->sequence;
	return 0;
}

int ipc_add(struct ipc_table *table, struct ipc_object *object, int32_t key, uint32_t flags)
{
	const struct credentials *credentials = &thread_current()->credentials;
	uint32_t index, sequence;
	int r;

	if (table->count >= (uint32_t)table->limit)
		return -ENOSPC;
	r = choose(table, &index, &sequence);
	if (r)
		return r;
	table->objects[index] = object;
	table->count++;
	*object = (struct ipc_object){
		.key = key,
		.id = (int32_t)(sequence << INDEX_BITS | index),
		.uid = credentials->euid,
		.cuid = credentials->euid,
		.gid = credentials->egid,
		.cgid = credentials->egid,
		.mode = flags & IPC_PERMISSIONS,
		.sequence = sequence,
	};
	return 0;
}

void ipc_remove(struct ipc_table *table, const struct ipc_object *object)
{
	table->objects[object->id % (int32_t)INDEX_COUNT] = NULL;
	table->count--;
}

int32_t ipc_highest_index(const struct ipc_table *table)
{
	uint32_t index = table->capacity;

	while (index && !table->objects[index - 1])
		index--;
	return index ? (int32_t)index - 1 : 0;
}

int ipc_object_permit(const struct ipc_object *object, uint32_t wanted)
{
	const struct credentials *credentials = &thread_current()->credentials;
	uint32_t granted = object->mode, asked = wanted >> 6 | wanted >> 3 | wanted;

	if (credentials->euid == object->cuid || credentials->euid == object->uid)
		granted >>= 6;
	else if (credentials_in_group(credentials, object->cgid) ||
		 credentials_in_group(credentials, object->gid))
		granted >>= 3;
	if (!(asked & ~granted & 07) || credentials_can(credentials, CAP_IPC_OWNER))
		return 0;
	return -EACCES;
}

int ipc_object_own(const struct ipc_object *object)
{
	const struct credentials *credentials = &thread_current()->credentials;

	if (credentials->euid == object->cuid || credentials->euid == object->uid ||
		credentials_can(credentials, CAP_SYS_ADMIN))
		return 0;
	return -EPERM;
}

void ipc_object_show(const struct ipc_object *object, struct ipc64_perm *ret_perm)
{
	*ret_perm = (struct ipc64_perm){
		.key = object->key,
		.uid = object->uid,
		.gid = object->gid,
		.cuid = object->cuid,
		.cgid = object->cgid,
		.mode = object->mode,
		.seq = (uint16_t)object->sequence,
	};
}

void ipc_object_set(struct ipc_object *object, const struct ipc64_perm *perm)
{
	object->uid = perm->uid;
	object->gid = perm->gid;
	object->mode = (object->mode & ~IPC_PERMISSIONS) | (perm->mode & IPC_PERMISSIONS);
}
