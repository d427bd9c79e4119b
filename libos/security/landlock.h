/* What a program lets itself do with files, ports and other programs: landlock(7).
 *
 *	struct landlock_ruleset	 what landlock_create_ruleset(2) makes; grows rule by rule
 *	struct landlock_domain	 a ruleset in force: a copy that no longer changes
 *
 * Domains are a tree that grows at its leaves, as seccomp's filters: a thread holds its newest,
 *each domain the one before it, and an act must be granted by all on the way (layers). Threads
 *inherit it at their birth and keep it over execve(2).
 *
 * These are the questions that calls ask before they act. A thread without a domain answers each by
 * one test of a pointer, here. */
#ifndef LIBOS_SECURITY_LANDLOCK_H
#define LIBOS_SECURITY_LANDLOCK_H

#include <asm/errno.h>

#include "libos/processes/thread.h"
#include "libos/security/landlock_abi.h"

struct dentry;
struct file;
struct landlock_domain;

static inline bool landlock_is_restricted(void)
{
	return UNLIKELY(thread_current()->landlock);
}

/* ---- Threads: libos/security/landlock_domain.c ---- */

struct landlock_domain *landlock_domain_ref(struct landlock_domain *domain); /* NULL is fine */
/* NULL is fine. The last reference lets go of inodes: no lock may be held. */
void landlock_domain_unref(struct landlock_domain *domain);
/* @child, not running yet, is under the domain of @parent. */
void landlock_inherit(struct thread *child, const struct thread *parent);

/* ---- Files: libos/security/landlock_files.c ---- */

/* Are @want (enum landlock_file_right) granted to the calling thread at @dentry or above it? 0 or
 * -EACCES. rename_lock must not be held. */
MUST_CHECK int landlock_check_slowly(struct dentry *dentry, uint32_t want);
static inline int landlock_check(struct dentry *dentry, uint32_t want)
{
	return landlock_is_restricted() ? landlock_check_slowly(dentry, want) : 0;
}

/* open(2) with @flags. *ret_denied: what the open file may not do later: file->denied. */
MUST_CHECK int landlock_check_open_slowly(
	struct dentry *dentry, uint32_t flags, uint32_t *ret_denied);
static inline int landlock_check_open(struct dentry *dentry, uint32_t flags, uint32_t *ret_denied)
{
	*ret_denied = 0;
	return landlock_is_restricted() ? landlock_check_open_slowly(dentry, flags, ret_denied) : 0;
}

/* The right to make, or to remove, an entry of that mode. */
uint32_t landlock_right_to_make(uint32_t mode);
uint32_t landlock_right_to_remove(uint32_t mode);

/* link(2), rename(2): directories as they were found, entries whatever they stand for. */
struct landlock_move {
	struct dentry *old_dir, *entry;
	struct dentry *new_dir, *target; /* target: NULL: there is none */
	bool is_rename, is_exchange;
};
/* 0, -EACCES, or -EXDEV: it would be allowed more there. rename_lock is held. */
MUST_CHECK int landlock_check_move_slowly(const struct landlock_move *move);
static inline int landlock_check_move(const struct landlock_move *move)
{
	return landlock_is_restricted() ? landlock_check_move_slowly(move) : 0;
}

/* Where names are cannot be changed by who is restricted by names: 0 or -EPERM. */
MUST_CHECK int landlock_check_mount(void);

/* Of an open file: 0 or -EACCES. */
MUST_CHECK int landlock_check_truncate(const struct file *file);
MUST_CHECK int landlock_check_ioctl(const struct file *file, uint32_t request);

/* ---- Ports: libos/security/landlock_sockets.c ---- */

struct socket;
struct socket_address;

/* May @socket be bound or connected (@want: enum landlock_port_right): 0 or -EACCES; -EINVAL,
 * -EAFNOSUPPORT: the address is none for it. */
MUST_CHECK int landlock_check_address_slowly(
	const struct socket *socket, const struct socket_address *address, uint32_t want);
static inline int landlock_check_address(
	const struct socket *socket, const struct socket_address *address, uint32_t want)
{
	return landlock_is_restricted() ? landlock_check_address_slowly(socket, address, want) : 0;
}

/* ---- Others: libos/security/landlock_scopes.c ---- */

/* Is who has @to within what @from lets itself reach, as to @scope (enum landlock_scope)? */
bool landlock_reaches(
	const struct landlock_domain *from, const struct landlock_domain *to, uint32_t scope);
/* kill(2) and its like; ptrace(2)'s access. (process table locked) */
bool landlock_may_signal(const struct thread *from, const struct thread *target);
bool landlock_may_inspect(const struct thread *from, const struct thread *target);

#endif
