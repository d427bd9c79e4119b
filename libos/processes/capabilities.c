#include "libos/processes/capabilities.h"

#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/securebits.h>

#include "libos/core/user.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"

#define LSM_ID_CAPABILITY 100 /* <linux/lsm.h> of Linux 6.8 */
#define LSM_ID_LANDLOCK 110

/* What file access by root rests on: dropped and raised with fsuid (cap_setid(7)). */
#define CAPABILITIES_FS                                                                            \
	(1UL << CAP_CHOWN | 1UL << CAP_MKNOD | 1UL << CAP_DAC_OVERRIDE |                           \
		1UL << CAP_DAC_READ_SEARCH | 1UL << CAP_FOWNER | 1UL << CAP_FSETID |               \
		1UL << CAP_LINUX_IMMUTABLE | 1UL << CAP_MAC_OVERRIDE)

static bool is_subset(uint64_t a, uint64_t b)
{
	return !(a & ~b);
}

void capabilities_follow_uids(const struct credentials *old, struct credentials *next)
{
	bool was_root = !old->uid || !old->euid || !old->suid;

	if (next->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	if (was_root && next->uid && next->euid && next->suid) {
		if (!(next->securebits & SECBIT_KEEP_CAPS))
			next->permitted = next->effective = 0;
		next->ambient = 0;
	}
	if (!old->euid && next->euid)
		next->effective = 0;
	else if (old->euid && !next->euid)
		next->effective = next->permitted;
}

void capabilities_follow_fsuid(uint32_t old_fsuid, struct credentials *next)
{
	if (next->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	if (!old_fsuid && next->fsuid)
		next->effective &= ~CAPABILITIES_FS;
	else if (old_fsuid && !next->fsuid)
		next->effective |= next->permitted & CAPABILITIES_FS;
}

/* ---- prctl -------------------------------------------------------------------------------------
 */

static long set_keep(struct credentials *c, uint64_t keep)
{
	if (keep > 1)
		return -EINVAL;
	if (c->securebits & SECBIT_KEEP_CAPS_LOCKED)
		return -EPERM;
	c->securebits &= ~(uint32_t)SECBIT_KEEP_CAPS;
	c->securebits |= keep ? SECBIT_KEEP_CAPS : 0;
	return 0;
}

static long set_securebits(struct credentials *c, uint64_t bits)
{
	uint32_t locks = c->securebits & SECURE_ALL_LOCKS;

	if ((bits & ~(uint64_t)(SECURE_ALL_BITS | SECURE_ALL_LOCKS)) ||
		((locks >> 1) & (c->securebits ^ (uint32_t)bits)) || (locks & ~bits) ||
		!credentials_can(c, CAP_SETPCAP))
		return -EPERM;
	c->securebits = (uint32_t)bits;
	return 0;
}

static long drop_bounding(struct credentials *c, uint64_t capability)
{
	if (!credentials_can(c, CAP_SETPCAP))
		return -EPERM;
	if (capability > CAP_LAST_CAP)
		return -EINVAL;
	c->bounding &= ~(1UL << capability);
	return 0;
}

static long ambient(struct credentials *c, const struct syscall_args *args)
{
	uint64_t bit;

	if (args->b == PR_CAP_AMBIENT_CLEAR_ALL) {
		if (args->c || args->d || args->e)
			return -EINVAL;
		c->ambient = 0;
		return 0;
	}
	if (args->c > CAP_LAST_CAP || args->d || args->e)
		return -EINVAL;
	bit = 1UL << args->c;
	switch (args->b) {
	case PR_CAP_AMBIENT_IS_SET:
		return !!(c->ambient & bit);
	case PR_CAP_AMBIENT_RAISE:
		if (!(c->permitted & c->inheritable & bit) ||
			(c->securebits & SECBIT_NO_CAP_AMBIENT_RAISE))
			return -EPERM;
		c->ambient |= bit;
		return 0;
	case PR_CAP_AMBIENT_LOWER:
		c->ambient &= ~bit;
		return 0;
	default:
		return -EINVAL;
	}
}

long capability_option(struct thread *thread, const struct syscall_args *args)
{
	struct credentials *c = &thread->credentials;

	switch ((int)args->a) {
	case PR_GET_KEEPCAPS:
		return !!(c->securebits & SECBIT_KEEP_CAPS);
	case PR_SET_KEEPCAPS:
		return set_keep(c, args->b);
	case PR_GET_SECUREBITS:
		return c->securebits;
	case PR_SET_SECUREBITS:
		return set_securebits(c, args->b);
	case PR_CAPBSET_READ:
		return args->b > CAP_LAST_CAP ? -EINVAL : !!(c->bounding & (1UL << args->b));
	case PR_CAPBSET_DROP:
		return drop_bounding(c, args->b);
	case PR_CAP_AMBIENT:
		return ambient(c, args);
	case PR_SET_NO_NEW_PRIVS:
		if (args->b != 1 || args->c || args->d || args->e)
			return -EINVAL;
		c->no_new_privs = true;
		return 0;
	case PR_GET_NO_NEW_PRIVS:
		return args->b || args->c || args->d || args->e ? -EINVAL : c->no_new_privs;
	default:
		return -EINVAL;
	}
}

/* ---- capget, capset ----------------------------------------------------------------------------
 */

/* How many 32-bit groups the header's version has: 1 or 2; -EINVAL: unknown, and the header now
 * says which one is preferred. */
static int header_read(uint64_t address, struct __user_cap_header_struct *ret_header)
{
	uint32_t preferred = _LINUX_CAPABILITY_VERSION_3;

	if (USER_GET(ret_header, address))
		return -EFAULT;
	switch (ret_header->version) {
	case _LINUX_CAPABILITY_VERSION_1:
		return 1;
	case _LINUX_CAPABILITY_VERSION_2:
	case _LINUX_CAPABILITY_VERSION_3:
		return 2;
	default:
		return USER_PUT(address, preferred) ? -EFAULT : -EINVAL;
	}
}

static int credentials_of(struct thread *self, int32_t tid, struct credentials *ret_credentials)
{
	struct thread *thread = self;

	if (tid < 0)
		return -EINVAL;
	LOCK_SCOPE(&process_table_lock);
	if (tid)
		thread = thread_find(tid);
	if (!thread)
		return -ESRCH;
	*ret_credentials = thread->credentials;
	return 0;
}

long sys_capget(struct thread *thread, const struct syscall_args *args)
{
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct data[2];
	struct credentials c;
	int groups = header_read(args->a, &header), r;

	if (groups < 0)
		return groups == -EINVAL && !args->b ? 0 : groups;
	r = credentials_of(thread, header.pid, &c);
	if (r || !args->b)
		return r;
	for (unsigned int i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){(uint32_t)(c.effective >> (32 * i)),
			(uint32_t)(c.permitted >> (32 * i)), (uint32_t)(c.inheritable >> (32 * i))};
	return user_write(args->b, data, (size_t)groups * sizeof(data[0]));
}

static uint64_t join(uint32_t low, uint32_t high)
{
	return (low | (uint64_t)high << 32) & CAPABILITIES_ALL;
}

long sys_capset(struct thread *thread, const struct syscall_args *args)
{
	struct credentials *c = &thread->credentials;
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct data[2] = {0};
	uint64_t effective, permitted, inheritable;
	int groups = header_read(args->a, &header);

	if (groups < 0)
		return groups;
	if (header.pid && header.pid != thread->tid)
		return -EPERM;
	if (user_read(data, args->b, (size_t)groups * sizeof(data[0])))
		return -EFAULT;
	effective = join(data[0].effective, data[1].effective);
	permitted = join(data[0].permitted, data[1].permitted);
	inheritable = join(data[0].inheritable, data[1].inheritable);
	if ((!credentials_can(c, CAP_SETPCAP) &&
		    !is_subset(inheritable, c->inheritable | c->permitted)) ||
		!is_subset(inheritable, c->inheritable | c->bounding) ||
		!is_subset(permitted, c->permitted) || !is_subset(effective, permitted))
		return -EPERM;
	c->effective = effective;
	c->permitted = permitted;
	c->inheritable = inheritable;
	c->ambient &= permitted & inheritable;
	return 0;
}

/* lsm_list_modules(2): the security modules there are. */
long sys_lsm_list_modules(struct thread *thread, const struct syscall_args *args)
{
	static const uint64_t modules[] = {LSM_ID_CAPABILITY, LSM_ID_LANDLOCK};
	uint32_t room, size = sizeof(modules);

	(void)thread;
	if ((uint32_t)args->c)
		return -EINVAL;
	if (USER_GET(&room, args->b) || USER_PUT(args->b, size))
		return -EFAULT;
	if (room < size)
		return -E2BIG;
	return user_write(args->a, modules, size) ? -EFAULT : (long)ARRAY_SIZE(modules);
}
