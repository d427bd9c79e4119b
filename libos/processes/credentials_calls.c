/* The calls that show and change user and group ids: credentials(7). */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/limits.h>

#include "base/memory.h"
#include "libos/core/user.h"
#include "libos/processes/capabilities.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"

#define UNCHANGED UINT32_MAX

/* Real, effective and saved: the same rules hold for users and groups. */
struct ids {
	uint32_t real, effective, saved;
};

long sys_getuid(struct thread *thread, const struct syscall_args *args)
{
	(void)args;
	return thread->credentials.uid;
}

long sys_geteuid(struct thread *thread, const struct syscall_args *args)
{
	(void)args;
	return thread->credentials.euid;
}

long sys_getgid(struct thread *thread, const struct syscall_args *args)
{
	(void)args;
	return thread->credentials.gid;
}

long sys_getegid(struct thread *thread, const struct syscall_args *args)
{
	(void)args;
	return thread->credentials.egid;
}

static long put_ids(const struct syscall_args *args, struct ids ids)
{
	if (USER_PUT(args->a, ids.real) || USER_PUT(args->b, ids.effective))
		return -EFAULT;
	return USER_PUT(args->c, ids.saved);
}

long sys_getresuid(struct thread *thread, const struct syscall_args *args)
{
	const struct credentials *c = &thread->credentials;

	return put_ids(args, (struct ids){c->uid, c->euid, c->suid});
}

long sys_getresgid(struct thread *thread, const struct syscall_args *args)
{
	const struct credentials *c = &thread->credentials;

	return put_ids(args, (struct ids){c->gid, c->egid, c->sgid});
}

/* ---- Setting -----------------------------------------------------------------------------------
 */

/* Who changes identity is no longer what its parent and its owner's debugger knew. */
static void adopt(struct thread *thread, const struct credentials *next)
{
	struct credentials *c = &thread->credentials;

	if (next->euid != c->euid || next->egid != c->egid || next->fsuid != c->fsuid ||
		next->fsgid != c->fsgid || (next->permitted & ~c->permitted)) {
		thread->process->dumpable = false;
		thread->process->parent_death_signal = 0;
	}
	*c = *next;
}

static void adopt_users(struct thread *thread, struct ids ids)
{
	struct credentials next = thread->credentials;

	next.uid = ids.real;
	next.euid = next.fsuid = ids.effective;
	next.suid = ids.saved;
	capabilities_follow_uids(&thread->credentials, &next);
	adopt(thread, &next);
}

static void adopt_groups(struct thread *thread, struct ids ids)
{
	struct credentials next = thread->credentials;

	next.gid = ids.real;
	next.egid = next.fsgid = ids.effective;
	next.sgid = ids.saved;
	adopt(thread, &next);
}

static struct ids users(const struct thread *thread)
{
	const struct credentials *c = &thread->credentials;

	return (struct ids){c->uid, c->euid, c->suid};
}

static struct ids groups(const struct thread *thread)
{
	const struct credentials *c = &thread->credentials;

	return (struct ids){c->gid, c->egid, c->sgid};
}

/* setuid(2): @may: the capability is there. */
static int set_one(struct ids *ids, uint32_t id, bool may)
{
	if (id == UNCHANGED)
		return -EINVAL;
	if (may)
		ids->real = ids->saved = id;
	else if (id != ids->real && id != ids->saved)
		return -EPERM;
	ids->effective = id;
	return 0;
}

/* setreuid(2) */
static int set_two(struct ids *ids, uint32_t real, uint32_t effective, bool may)
{
	struct ids old = *ids;

	if (!may && real != UNCHANGED && real != old.real && real != old.effective)
		return -EPERM;
	if (!may && effective != UNCHANGED && effective != old.real && effective != old.effective &&
		effective != old.saved)
		return -EPERM;
	if (real != UNCHANGED)
		ids->real = real;
	if (effective != UNCHANGED)
		ids->effective = effective;
	if (real != UNCHANGED || (effective != UNCHANGED && effective != old.real))
		ids->saved = ids->effective;
	return 0;
}

static bool is_one_of(uint32_t id, const struct ids *ids)
{
	return id == UNCHANGED || id == ids->real || id == ids->effective || id == ids->saved;
}

/* setresuid(2) */
static int set_three(struct ids *ids, const struct syscall_args *args, bool may)
{
	uint32_t real = (uint32_t)args->a, effective = (uint32_t)args->b, saved = (uint32_t)args->c;

	if (!may && (!is_one_of(real, ids) || !is_one_of(effective, ids) || !is_one_of(saved, ids)))
		return -EPERM;
	ids->real = real == UNCHANGED ? ids->real : real;
	ids->effective = effective == UNCHANGED ? ids->effective : effective;
	ids->saved = saved == UNCHANGED ? ids->saved : saved;
	return 0;
}

static bool may_set_users(const struct thread *thread)
{
	return credentials_can(&thread->credentials, CAP_SETUID);
}

static bool may_set_groups(const struct thread *thread)
{
	return credentials_can(&thread->credentials, CAP_SETGID);
}

long sys_setuid(struct thread *thread, const struct syscall_args *args)
{
	struct ids ids = users(thread);
	int r = set_one(&ids, (uint32_t)args->a, may_set_users(thread));

	if (!r)
		adopt_users(thread, ids);
	return r;
}

long sys_setgid(struct thread *thread, const struct syscall_args *args)
{
	struct ids ids = groups(thread);
	int r = set_one(&ids, (uint32_t)args->a, may_set_groups(thread));

	if (!r)
		adopt_groups(thread, ids);
	return r;
}

long sys_setreuid(struct thread *thread, const struct syscall_args *args)
{
	struct ids ids = users(thread);
	int r = set_two(&ids, (uint32_t)args->a, (uint32_t)args->b, may_set_users(thread));

	if (!r)
		adopt_users(thread, ids);
	return r;
}

long sys_setregid(struct thread *thread, const struct syscall_args *args)
{
	struct ids ids = groups(thread);
	int r = set_two(&ids, (uint32_t)args->a, (uint32_t)args->b, may_set_groups(thread));

	if (!r)
		adopt_groups(thread, ids);
	return r;
}

long sys_setresuid(struct thread *thread, const struct syscall_args *args)
{
	struct ids ids = users(thread);
	int r = set_three(&ids, args, may_set_users(thread));

	if (!r)
		adopt_users(thread, ids);
	return r;
}

long sys_setresgid(struct thread *thread, const struct syscall_args *args)
{
	struct ids ids = groups(thread);
	int r = set_three(&ids, args, may_set_groups(thread));

	if (!r)
		adopt_groups(thread, ids);
	return r;
}

/* The file-system ids: these two return the old one, whatever happens. */
long sys_setfsuid(struct thread *thread, const struct syscall_args *args)
{
	struct credentials next = thread->credentials;
	struct ids ids = users(thread);
	uint32_t old = next.fsuid, id = (uint32_t)args->a;

	if (id == UNCHANGED || id == old || (!is_one_of(id, &ids) && !may_set_users(thread)))
		return old;
	next.fsuid = id;
	capabilities_follow_fsuid(old, &next);
	adopt(thread, &next);
	return old;
}

long sys_setfsgid(struct thread *thread, const struct syscall_args *args)
{
	struct credentials next = thread->credentials;
	struct ids ids = groups(thread);
	uint32_t old = next.fsgid, id = (uint32_t)args->a;

	if (id == UNCHANGED || id == old || (!is_one_of(id, &ids) && !may_set_groups(thread)))
		return old;
	next.fsgid = id;
	adopt(thread, &next);
	return old;
}

/* ---- Supplementary groups ----------------------------------------------------------------------
 */

long sys_getgroups(struct thread *thread, const struct syscall_args *args)
{
	const struct credentials *c = &thread->credentials;
	int32_t room = (int32_t)args->a;

	if (room < 0)
		return -EINVAL;
	if (!room)
		return c->group_count;
	if (c->group_count > (uint32_t)room)
		return -EINVAL;
	if (user_write(args->b, c->groups, c->group_count * sizeof(c->groups[0])))
		return -EFAULT;
	return c->group_count;
}

/* -EFAULT comes before what is wrong with the number that is offered. */
static int groups_read(uint32_t ids[CREDENTIALS_GROUP_COUNT_MAX], uint64_t from, uint32_t count)
{
	for (uint32_t left = count, n; left; left -= n) {
		n = MIN(left, (uint32_t)CREDENTIALS_GROUP_COUNT_MAX);
		if (user_read(ids, from + (count - left) * sizeof(ids[0]), n * sizeof(ids[0])))
			return -EFAULT;
	}
	return count > CREDENTIALS_GROUP_COUNT_MAX ? -EINVAL : 0;
}

long sys_setgroups(struct thread *thread, const struct syscall_args *args)
{
	struct credentials *c = &thread->credentials;
	uint32_t ids[CREDENTIALS_GROUP_COUNT_MAX], count = (uint32_t)args->a;
	int r;

	if (!may_set_groups(thread))
		return -EPERM;
	if (count > NGROUPS_MAX)
		return -EINVAL;
	r = groups_read(ids, args->b, count);
	if (r)
		return r;
	memcpy(c->groups, ids, count * sizeof(ids[0]));
	c->group_count = count;
	return 0;
}
