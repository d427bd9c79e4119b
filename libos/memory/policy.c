/* Memory policies: mbind(2), set_mempolicy(2), move_pages(2). There is one node, 0, so what a
 * policy says changes nothing; a thread's and a mapping's are kept and shown. */
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

/* A policy that was checked: MPOL_*, with its flags, and whether it names node 0. */
struct policy {
	uint32_t mode;
	bool has_node;
};

#define POLICY_SHIFT 17 /* VMA_POLICY: three bits of the kind, one of the node, three flags */
#define POLICY_KIND 7U
#define POLICY_NODE 8U
#define POLICY_FLAGS_SHIFT 4
#define MODE_FLAGS_SHIFT 13
_Static_assert(MODE_FLAGS == 7 << MODE_FLAGS_SHIFT && MODE_MAX <= POLICY_KIND + 1, "packed");

static uint32_t policy_pack(struct policy policy)
{
	uint32_t flags = (policy.mode & MODE_FLAGS) >> MODE_FLAGS_SHIFT;
	uint32_t packed = (policy.mode & POLICY_KIND) | (policy.has_node ? POLICY_NODE : 0) |
			  flags << POLICY_FLAGS_SHIFT;

	return packed << POLICY_SHIFT;
}

static struct policy policy_unpack(uint32_t vma_flags)
{
	uint32_t packed = (vma_flags & VMA_POLICY) >> POLICY_SHIFT;
	uint32_t flags = packed >> POLICY_FLAGS_SHIFT;

	return (struct policy){
		(packed & POLICY_KIND) | flags << MODE_FLAGS_SHIFT, packed & POLICY_NODE};
}

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
static int check_mode(uint32_t mode, const struct nodes *nodes)
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

static int policy_read(uint32_t mode, uint64_t from, uint64_t bits, struct policy *ret_policy)
{
	struct nodes nodes;
	int r = nodes_read(from, bits, &nodes);

	r = r ? r : check_mode(mode, &nodes);
	if (r)
		return r;
	*ret_policy = (struct policy){mode, nodes.has_zero};
	/* Preferring no node is local allocation. */
	if (mode == MPOL_PREFERRED && !nodes.has_zero)
		ret_policy->mode = MPOL_LOCAL;
	return 0;
}

long sys_set_mempolicy(struct thread *thread, const struct syscall_args *args)
{
	struct policy policy;
	int r = policy_read((uint32_t)args->a, args->b, args->c, &policy);

	if (r)
		return r;
	thread->memory_policy = policy.mode;
	thread->memory_policy_has_node = policy.has_node;
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

/* Of what is mapped at @addr: not the thread's where the mapping has none. */
static int policy_at(struct mm *mm, uint64_t addr, struct policy *ret_policy)
{
	struct vma *vma;

	LOCK_SCOPE(&mm->lock);
	vma = mm_find(mm, addr);
	if (!vma || vma->start > addr)
		return -EFAULT;
	*ret_policy = policy_unpack(vma->flags);
	return 0;
}

static int policy_of(
	struct thread *thread, uint64_t addr, uint32_t flags, struct policy *ret_policy)
{
	int r;

	*ret_policy = (struct policy){thread->memory_policy, thread->memory_policy_has_node};
	if (flags & MPOL_F_ADDR) {
		r = policy_at(thread->process->mm, addr, ret_policy);
		if (flags & MPOL_F_NODE)
			ret_policy->mode = 0; /* the page's node */
		return r;
	}
	if (addr)
		return -EINVAL;
	if (!(flags & MPOL_F_NODE))
		return 0;
	if ((ret_policy->mode & ~(uint32_t)MODE_FLAGS) != MPOL_INTERLEAVE)
		return -EINVAL;
	ret_policy->mode = 0; /* the next node */
	return 0;
}

long sys_get_mempolicy(struct thread *thread, const struct syscall_args *args)
{
	struct policy policy = {.has_node = true};
	uint32_t flags = (uint32_t)args->e;
	int r = 0;

	if (flags & ~(uint32_t)(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED))
		return -EINVAL;
	if (args->b && !args->c)
		return -EINVAL;
	if (flags & MPOL_F_MEMS_ALLOWED) {
		if (flags & (MPOL_F_NODE | MPOL_F_ADDR))
			return -EINVAL;
	} else {
		r = policy_of(thread, args->d, flags, &policy);
	}
	if (r)
		return r;
	if (args->a && USER_PUT(args->a, policy.mode))
		return -EFAULT;
	return nodes_write(args->b, args->c, policy.has_node);
}

static int check_range(uint64_t addr, uint64_t size)
{
	return !IS_ALIGNED(addr, PAGE_SIZE) || size > PLATFORM_USER_END ||
			       addr > PLATFORM_USER_END - size
		       ? -EINVAL
		       : 0;
}

/* Is all of [addr, addr + size) mapped? Locked. */
static bool is_mapped(struct mm *mm, uint64_t addr, uint64_t size)
{
	uint64_t at = addr;

	for (struct vma *vma = mm_find(mm, addr); vma && vma->start <= at && at < addr + size;
		vma = mm_next(mm, vma))
		at = vma->end;
	return at >= addr + size;
}

static int policy_set(struct mm *mm, uint64_t addr, uint64_t size, struct policy policy)
{
	int r;

	LOCK_SCOPE(&mm->lock);
	if (!is_mapped(mm, addr, size))
		return -EFAULT;
	r = mm_split_range(mm, addr, size);
	for (struct vma *vma = mm_find(mm, addr); !r && vma && vma->start < addr + size;
		vma = mm_next(mm, vma))
		vma->flags = (vma->flags & ~(uint32_t)VMA_POLICY) | policy_pack(policy);
	return r;
}

long sys_mbind(struct thread *thread, const struct syscall_args *args)
{
	uint32_t flags = (uint32_t)args->f;
	struct policy policy;
	int r;

	if (flags & ~(uint32_t)(MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
		return -EINVAL;
	if (flags & MPOL_MF_MOVE_ALL && !credentials_can(&thread->credentials, CAP_SYS_NICE))
		return -EPERM;
	r = policy_read((uint32_t)args->c, args->d, args->e, &policy);
	r = r ? r : check_range(args->a, args->b);
	if (r || !args->b)
		return r;
	return policy_set(
		thread->process->mm, args->a, ALIGN_UP(args->b, (uint64_t)PAGE_SIZE), policy);
}

/* There is one node that could be the home: the policies found decide what is said. */
static int home_node_check(struct mm *mm, uint64_t addr, uint64_t size)
{
	int r = -ENOENT;

	LOCK_SCOPE(&mm->lock);
	for (struct vma *vma = mm_find(mm, addr); vma && vma->start < addr + size;
		vma = mm_next(mm, vma)) {
		uint32_t kind = policy_unpack(vma->flags).mode & POLICY_KIND;

		if (kind == MPOL_DEFAULT)
			continue;
		if (kind != MPOL_BIND && kind != MPOL_PREFERRED_MANY)
			return -EOPNOTSUPP;
		r = 0;
	}
	return r;
}

long sys_set_mempolicy_home_node(struct thread *thread, const struct syscall_args *args)
{
	int r;

	if (args->d || args->c)
		return -EINVAL;
	r = check_range(args->a, args->b);
	if (r || !args->b)
		return r;
	return home_node_check(
		thread->process->mm, args->a, ALIGN_UP(args->b, (uint64_t)PAGE_SIZE));
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
	struct policy unused;
	uint8_t resident = 1;

	if (!platform_is_user(addr, PAGE_SIZE) || (is_own && policy_at(mm, addr, &unused)))
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
