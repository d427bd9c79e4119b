/* Memory policies: mbind(2), set_mempolicy(2), move_pages(2). There is one node, 0, so what a
 * policy says changes nothing; a thread's is kept and shown. */
#include <asm/errno.h>
#include <linux/mempolicy.h>

#include "libos/core/user.h"
#include "libos/memory/mm.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"
#include "platform/platform.h"

#define CAP_SYS_NICE 23
#define NODES_BITS_MAX 1024U /* MAX_NUMNODES */
#define MODE_MAX 7U          /* MPOL_MAX: weighted interleaving is the last */
#define MODE_FLAGS (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES | MPOL_F_NUMA_BALANCING)

/* A set of nodes as programs pass it: is it empty, does it name 0, does it name others? */
struct nodes {
	bool has_zero, has_others;
};

static int nodes_read(uint64_t from, uint64_t bits, struct nodes *ret_nodes)
{
	uint64_t word;

	*ret_nodes = (struct nodes){0};
	if (!from || bits <= 1)
		return 0;
	bits--;
	if (bits > PAGE_SIZE * 8)
		return -EINVAL;
	for (uint64_t at = 0; at < bits; at += 64) {
		if (USER_GET(&word, from + at / 8))
			return -EFAULT;
		if (bits - at < 64)
			word &= (1UL << (bits - at)) - 1;
		if (word && at >= NODES_BITS_MAX)
			return -EINVAL;
		ret_nodes->has_zero |= !at && word & 1;
		ret_nodes->has_others |= word & ~(!at ? 1UL : 0UL);
	}
	return 0;
}

/* Is it a policy that a machine with one node can have? */
static int check_policy(uint32_t mode, const struct nodes *nodes)
{
	uint32_t flags = mode & MODE_FLAGS, kind = mode & ~(uint32_t)MODE_FLAGS;
	bool is_empty = !nodes->has_zero && !nodes->has_others;

	if (kind >= MODE_MAX || (flags & MPOL_F_STATIC_NODES && flags & MPOL_F_RELATIVE_NODES))
		return -EINVAL;
	if (flags & MPOL_F_NUMA_BALANCING && kind != MPOL_BIND)
		return -EINVAL;
	if (kind == MPOL_DEFAULT)
		return is_empty ? 0 : -EINVAL;
	if (kind == MPOL_LOCAL)
		return is_empty && !flags ? 0 : -EINVAL;
	if (is_empty)
		return kind == MPOL_PREFERRED && !flags ? 0 : -EINVAL;
	return nodes->has_zero || flags & MPOL_F_RELATIVE_NODES ? 0 : -EINVAL;
}

long sys_set_mempolicy(struct thread *thread, const struct syscall_args *args)
{
	uint32_t mode = (uint32_t)args->a;
	struct nodes nodes;
	int r = nodes_read(args->b, args->c, &nodes);

	r = r ? r : check_policy(mode, &nodes);
	if (r)
		return r;
	thread->memory_policy = mode;
	thread->memory_policy_has_node = nodes.has_zero;
	/* Preferring no node is local allocation. */
	if (mode == MPOL_PREFERRED && !nodes.has_zero)
		thread->memory_policy = MPOL_LOCAL;
	return 0;
}

/* The set {0} or {} in @bits bits. */
static int nodes_write(uint64_t to, uint64_t bits, bool has_zero)
{
	uint64_t word = has_zero, size = (bits + 62) / 64 * 8;

	if (!to || !size)
		return 0;
	if (bits > PAGE_SIZE * 8)
		return -EINVAL;
	if (USER_PUT(to, word) || (size > 8 && user_zero(to + 8, size - 8)))
		return -EFAULT;
	return 0;
}

static bool is_mapped(struct mm *mm, uint64_t addr)
{
	struct vma *vma;

	LOCK_SCOPE(&mm->lock);
	vma = mm_find(mm, addr);
	return vma && vma->start <= addr;
}

static int policy_of(
	struct thread *thread, uint64_t addr, uint32_t flags, uint32_t *ret_mode, bool *ret_node)
{
	*ret_mode = thread->memory_policy;
	*ret_node = thread->memory_policy_has_node;
	if (flags & MPOL_F_ADDR) {
		if (!is_mapped(thread->process->mm, addr))
			return -EFAULT;
		if (flags & MPOL_F_NODE)
			*ret_mode = 0; /* the page's node */
		return 0;
	}
	if (addr)
		return -EINVAL;
	if (!(flags & MPOL_F_NODE))
		return 0;
	if ((*ret_mode & ~(uint32_t)MODE_FLAGS) != MPOL_INTERLEAVE)
		return -EINVAL;
	*ret_mode = 0; /* the next node */
	return 0;
}

long sys_get_mempolicy(struct thread *thread, const struct syscall_args *args)
{
	uint32_t flags = (uint32_t)args->e, mode = 0;
	bool has_node = true;
	int r = 0;

	if (flags & ~(uint32_t)(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED))
		return -EINVAL;
	if (args->b && !args->c)
		return -EINVAL;
	if (flags & MPOL_F_MEMS_ALLOWED) {
		if (flags & (MPOL_F_NODE | MPOL_F_ADDR))
			return -EINVAL;
	} else {
		r = policy_of(thread, args->d, flags, &mode, &has_node);
	}
	if (r)
		return r;
	if (args->a && USER_PUT(args->a, mode))
		return -EFAULT;
	return nodes_write(args->b, args->c, has_node);
}

/* [*addr, *addr + *size) in whole pages, all mapped? Empty: 1. */
static int check_range(struct mm *mm, uint64_t addr, uint64_t size)
{
	uint64_t at = addr;
	struct vma *vma;

	if (!IS_ALIGNED(addr, PAGE_SIZE) || size > PLATFORM_USER_END ||
		addr > PLATFORM_USER_END - size)
		return -EINVAL;
	size = ALIGN_UP(size, PAGE_SIZE);
	LOCK_SCOPE(&mm->lock);
	for (vma = mm_find(mm, addr); vma && vma->start <= at && at < addr + size;
		vma = mm_next(mm, vma))
		at = vma->end;
	return at >= addr + size ? 0 : -EFAULT;
}

long sys_mbind(struct thread *thread, const struct syscall_args *args)
{
	uint32_t flags = (uint32_t)args->f;
	struct nodes nodes;
	int r;

	if (flags & ~(uint32_t)(MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
		return -EINVAL;
	if (flags & MPOL_MF_MOVE_ALL && !credentials_can(&thread->credentials, CAP_SYS_NICE))
		return -EPERM;
	r = nodes_read(args->d, args->e, &nodes);
	r = r ? r : check_policy((uint32_t)args->c, &nodes);
	return r ? r : check_range(thread->process->mm, args->a, args->b);
}

/* No mapping has a policy that a home node could be added to. */
long sys_set_mempolicy_home_node(struct thread *thread, const struct syscall_args *args)
{
	int r;

	if (args->d || args->c)
		return -EINVAL;
	r = check_range(thread->process->mm, args->a, args->b);
	return r == -EINVAL ? r : args->b ? -ENOENT : 0;
}

/* The process that @pid (0: the caller's own) names, if the caller may move its memory. */
static int check_process(struct thread *thread, int32_t pid, bool *ret_is_own)
{
	struct thread *target;

	LOCK_SCOPE(&process_table_lock);
	target = pid ? thread_find(pid) : thread;
	if (!target || target->process->state != PROCESS_ALIVE)
		return -ESRCH;
	*ret_is_own = target->process->mm == thread->process->mm;
	return process_may_inspect(thread, target->process) ? 0 : -EPERM;
}

long sys_migrate_pages(struct thread *thread, const struct syscall_args *args)
{
	struct nodes from, to;
	bool is_own;
	int r = nodes_read(args->c, args->b, &from);

	r = r ? r : nodes_read(args->d, args->b, &to);
	r = r ? r : check_process(thread, (int32_t)args->a, &is_own);
	if (r)
		return r;
	if (to.has_others && !credentials_can(&thread->credentials, CAP_SYS_NICE))
		return -EPERM;
	return to.has_zero ? 0 : -EINVAL;
}

/* Where a page is: node 0, or why it is nowhere. */
static int32_t page_status(struct mm *mm, uint64_t page, bool is_own)
{
	uint64_t addr = ALIGN_DOWN(page, PAGE_SIZE);
	uint8_t resident = 1;

	if (!platform_is_user(addr, PAGE_SIZE) || (is_own && !is_mapped(mm, addr)))
		return -EFAULT;
	if (is_own && platform_resident(addr, PAGE_SIZE, &resident))
		return -EFAULT;
	return resident & 1 ? 0 : -ENOENT;
}

static long move_pages(struct thread *thread, const struct syscall_args *args, bool is_own)
{
	uint64_t page;
	int32_t node = 0;

	for (uint64_t i = 0; i < args->b; i++) {
		if (USER_GET(&page, args->c + i * sizeof(page)) ||
			(args->d && USER_GET(&node, args->d + i * sizeof(node))))
			return -EFAULT;
		if (node)
			return -ENODEV;
		if (USER_PUT(args->e + i * sizeof(node),
			    page_status(thread->process->mm, page, is_own)))
			return -EFAULT;
	}
	return 0;
}

long sys_move_pages(struct thread *thread, const struct syscall_args *args)
{
	uint32_t flags = (uint32_t)args->f;
	bool is_own;
	int r;

	if (flags & ~(uint32_t)(MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
		return -EINVAL;
	if (flags & MPOL_MF_MOVE_ALL && !credentials_can(&thread->credentials, CAP_SYS_NICE))
		return -EPERM;
	r = check_process(thread, (int32_t)args->a, &is_own);
	return r ? r : move_pages(thread, args, is_own);
}
