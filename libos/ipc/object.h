/* What System V's three kinds of objects share: keys, numbers, owners. sysvipc(7), svipc(7).
 *
 * A number is a place in a table and how often the table has gone round: that of an object that is
 * gone is not soon another's. */
#ifndef LIBOS_IPC_OBJECT_H
#define LIBOS_IPC_OBJECT_H

#include <asm/ipcbuf.h>

#include "libos/core/lock.h"

/* Of a get call's flags, and commands of all kinds: <linux/ipc.h>. */
#define IPC_CREAT 01000
#define IPC_EXCL 02000
#define IPC_NOWAIT 04000
#define IPC_RMID 0
#define IPC_SET 1
#define IPC_STAT 2
#define IPC_INFO 3

/* Permissions of all three classes, for ipc_object_permit. */
#define IPC_READ 0444U
#define IPC_WRITE 0222U
#define IPC_PERMISSIONS 0777U

struct ipc_object {
	int32_t key, id;
	uint32_t uid, gid, cuid, cgid;
	uint32_t mode; /* permissions, and what a kind adds to them */
	uint32_t sequence;
};

/* Its lock comes after mm->lock, before heap and wait queues, and guards all objects in it. */
struct ipc_table {
	struct lock lock;
	int32_t limit;               /* objects at most */
	int32_t next_id;             /* what the next one is to have, near enough; -1: any */
	struct ipc_object **objects; /* heap; NULL where there is none */
	uint32_t capacity, count;
	uint32_t sequence, last_index;
};

/* With the table locked, all of these. */

/* The object that semget(2) and its like are about. 0: *ret_object is the one there is; 1: it is to
 * be made; -ENOENT, -EEXIST: @flags say that it may not be made, or may not be there. */
MUST_CHECK int ipc_find_key(
	struct ipc_table *table, int32_t key, uint32_t flags, struct ipc_object **ret_object);
/* By its number, or -EINVAL; by its place alone. */
MUST_CHECK int ipc_find(struct ipc_table *table, int32_t id, struct ipc_object **ret_object);
MUST_CHECK int ipc_find_index(
	struct ipc_table *table, int32_t index, struct ipc_object **ret_object);
/* Enter a new one, which the caller owns: -ENOSPC, -ENOMEM. */
MUST_CHECK int ipc_add(
	struct ipc_table *table, struct ipc_object *object, int32_t key, uint32_t flags);
void ipc_remove(struct ipc_table *table, const struct ipc_object *object);
/* The highest place in use, 0 if there is none: what IPC_INFO returns. */
int32_t ipc_highest_index(const struct ipc_table *table);

/* May the calling thread do that (IPC_READ, IPC_WRITE, or a get call's mode)? 0 or -EACCES */
MUST_CHECK int ipc_object_permit(const struct ipc_object *object, uint32_t wanted);
/* Is it its creator or owner, or may act as one with CAP_SYS_ADMIN? 0 or -EPERM */
MUST_CHECK int ipc_object_own(const struct ipc_object *object);
void ipc_object_show(const struct ipc_object *object, struct ipc64_perm *ret_perm);
void ipc_object_set(struct ipc_object *object, const struct ipc64_perm *perm); /* IPC_SET */

/* The object that command @command is about: by place for *_STAT and *_STAT_ANY, else by number;
 * readable by the caller unless it is *_STAT_ANY. */
enum ipc_by { IPC_BY_ID, IPC_BY_INDEX, IPC_BY_INDEX_ANY };
MUST_CHECK int ipc_find_readable(
	struct ipc_table *table, int32_t id, enum ipc_by by, struct ipc_object **ret_object);

int64_t ipc_now(void); /* seconds */

#endif
