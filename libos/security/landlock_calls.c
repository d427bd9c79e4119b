/* landlock_create_ruleset(2), landlock_add_rule(2), landlock_restrict_self(2). */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/fcntl.h>

#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/files/anonymous.h"
#include "libos/files/descriptors.h"
#include "libos/files/dentry.h"
#include "libos/security/landlock_domain.h"
#include "libos/syscalls/syscall.h"

struct landlock_ruleset {
	struct lock lock;
	struct landlock_rules rules; /* under lock */
};

/* ---- Rulesets as files ---- */

static void ruleset_free(struct landlock_ruleset *ruleset)
{
	if (!ruleset)
		return;
	landlock_rules_done(&ruleset->rules);
	heap_free(ruleset);
}

static void ruleset_freep(struct landlock_ruleset **ruleset)
{
	ruleset_free(*ruleset);
}

static void ruleset_release(struct file *file)
{
	ruleset_free(file->private_data);
}

static const struct file_ops ruleset_ops = {.release = ruleset_release};

static int ruleset_get(int fd, struct file **ret_file, struct landlock_ruleset **ret_ruleset)
{
	*ret_file = fd_get(fd);
	if (!*ret_file)
		return -EBADF;
	if ((*ret_file)->ops != &ruleset_ops)
		return -EBADFD;
	*ret_ruleset = (*ret_file)->private_data;
	return 0;
}

/* ---- landlock_create_ruleset(2) ---- */

static int given_read(struct landlock_ruleset_given *ret_given, uint64_t from, uint64_t size)
{
	int r;

	if (!from)
		return -EFAULT;
	if (size < LANDLOCK_RULESET_SIZE_MIN)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	r = user_read_versioned(ret_given, sizeof(*ret_given), from, size);
	if (r)
		return r;
	if (ret_given->files & ~(uint64_t)LANDLOCK_FILES_ALL ||
		ret_given->ports & ~(uint64_t)LANDLOCK_PORTS_ALL ||
		ret_given->scopes & ~(uint64_t)LANDLOCK_SCOPES_ALL)
		return -EINVAL;
	return ret_given->files || ret_given->ports || ret_given->scopes ? 0 : -ENOMSG;
}

static long answer(const struct syscall_args *args, uint32_t flags)
{
	if (args->a || args->b)
		return -EINVAL;
	switch (flags) {
	case LANDLOCK_CREATE_VERSION:
		return LANDLOCK_ABI;
	case LANDLOCK_CREATE_ERRATA:
		return LANDLOCK_ERRATA;
	default:
		return -EINVAL;
	}
}

long sys_landlock_create_ruleset(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(ruleset_freep) struct landlock_ruleset *ruleset = NULL;
	struct landlock_ruleset_given given;
	uint32_t flags = (uint32_t)args->c;
	int r;

	(void)thread;
	if (flags)
		return answer(args, flags);
	r = given_read(&given, args->a, args->b);
	if (r)
		return r;
	ruleset = heap_alloc(sizeof(*ruleset));
	if (!ruleset)
		return -ENOMEM;
	ruleset->rules = (struct landlock_rules){.files = (uint32_t)given.files,
		.ports = (uint32_t)given.ports,
		.scopes = (uint32_t)given.scopes};
	r = fd_install_anonymous("[landlock-ruleset]", &ruleset_ops, ruleset, O_RDWR | O_CLOEXEC);
	if (r >= 0)
		ruleset = NULL;
	return r;
}

/* ---- landlock_add_rule(2) ---- */

static int check_access(uint64_t access, uint32_t handled)
{
	if (!access)
		return -ENOMSG;
	return access & ~(uint64_t)handled ? -EINVAL : 0;
}

/* Pipes, sockets and what else no file system holds have no place for a rule. */
static int path_get(int fd, struct file **ret_file)
{
	struct file *file = fd_get_any(fd);

	*ret_file = file;
	if (!file)
		return -EBADF;
	if (!file->dentry || !file->inode->mount ||
		dentry_real(file->dentry)->flags & DENTRY_ANONYMOUS)
		return -EBADFD;
	return 0;
}

static long add_path(struct landlock_ruleset *ruleset, uint64_t from)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct landlock_path_given given;
	int r;

	if (USER_GET(&given, from))
		return -EFAULT;
	r = check_access(given.access, ruleset->rules.files);
	r = r ? r : path_get(given.parent_fd, &file);
	if (r)
		return r;
	if (!inode_is(file->inode, S_IFDIR) && given.access & ~(uint64_t)LANDLOCK_FILES_OF_FILE)
		return -EINVAL;
	LOCK_SCOPE(&ruleset->lock);
	return landlock_rules_add_file(&ruleset->rules, file->inode, (uint32_t)given.access);
}

static long add_port(struct landlock_ruleset *ruleset, uint64_t from)
{
	struct landlock_port_given given;
	int r;

	if (USER_GET(&given, from))
		return -EFAULT;
	r = check_access(given.access, ruleset->rules.ports);
	if (r)
		return r;
	if (given.port > UINT16_MAX)
		return -EINVAL;
	LOCK_SCOPE(&ruleset->lock);
	return landlock_rules_add_port(
		&ruleset->rules, (uint16_t)given.port, (uint32_t)given.access);
}

long sys_landlock_add_rule(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct landlock_ruleset *ruleset;
	int r;

	(void)thread;
	if ((uint32_t)args->d)
		return -EINVAL;
	r = ruleset_get((int)args->a, &file, &ruleset);
	if (r)
		return r;
	switch ((uint32_t)args->b) {
	case LANDLOCK_RULE_PATH:
		return add_path(ruleset, args->c);
	case LANDLOCK_RULE_PORT:
		return add_port(ruleset, args->c);
	default:
		return -EINVAL;
	}
}

/* ---- landlock_restrict_self(2) ---- */

/* What a thread had stays in memory as long as what follows it, so that another may be asking it
 * meanwhile. */
static int restrict_by(struct thread *thread, struct landlock_ruleset *ruleset)
{
	struct landlock_domain *domain, *old = thread->landlock;
	int r;

	lock_acquire(&ruleset->lock);
	r = landlock_domain_new(old, &ruleset->rules, &domain);
	lock_release(&ruleset->lock);
	if (r)
		return r;
	__atomic_store_n(&thread->landlock, domain, __ATOMIC_RELEASE);
	landlock_domain_unref(old);
	return 0;
}

long sys_landlock_restrict_self(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct landlock_ruleset *ruleset;
	uint32_t flags = (uint32_t)args->b;
	int r;

	if (!thread->credentials.no_new_privs &&
		!credentials_can(&thread->credentials, CAP_SYS_ADMIN))
		return -EPERM;
	if (flags & ~(uint32_t)LANDLOCK_RESTRICT_FLAGS_ALL)
		return -EINVAL;
	/* Only what is logged of domains to come: there is no log. */
	if ((int)args->a == -1 && flags == LANDLOCK_LOG_SUBDOMAINS_OFF)
		return 0;
	r = ruleset_get((int)args->a, &file, &ruleset);
	return r ? r : restrict_by(thread, ruleset);
}
