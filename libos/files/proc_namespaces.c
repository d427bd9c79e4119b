/* /proc/PID/ns and ioctl_nsfs(2): one namespace of each kind, which nobody leaves. */
#include "libos/files/proc_namespaces.h"

#include <linux/errno.h>
#include <linux/nsfs.h>
#include <linux/sched.h>

#include "base/format.h"
#include "base/memory.h"
#include "libos/core/user.h"
#include "libos/files/inode.h"
#include "libos/files/open.h"
#include "libos/files/proc.h"

static const struct kind {
	const char *name;
	uint32_t flag;
	uint64_t number;
} kinds[] = {
	{"cgroup", CLONE_NEWCGROUP, 4026531835},
	{"ipc", CLONE_NEWIPC, 4026531839},
	{"mnt", CLONE_NEWNS, 4026531841},
	{"net", CLONE_NEWNET, 4026531840},
	{"pid", CLONE_NEWPID, 4026531836},
	{"time", CLONE_NEWTIME, 4026531834},
	{"user", CLONE_NEWUSER, 4026531837},
	{"uts", CLONE_NEWUTS, 4026531838},
};

static const struct kind *kind_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

/* ---- ioctl_nsfs(2) ---- */

static const struct file_ops namespace_ops;

static int namespace_entry(const struct kind *kind, struct dentry **ret_entry)
{
	struct inode *inode = inode_new_anonymous(kind->name, S_IFREG | 0444);

	if (!inode)
		return -ENOMEM;
	inode->number = kind->number;
	inode->file_ops = &namespace_ops;
	*ret_entry = dentry_new(NULL, "", 0, inode);
	inode_unref(inode);
	return *ret_entry ? 0 : -ENOMEM;
}

/* The user namespace has no owner within sight. */
static long owner_open(uint32_t flag)
{
	CLEANUP(dentry_unrefp) struct dentry *entry = NULL;
	struct file *file;
	int fd, r;

	if (flag == CLONE_NEWUSER)
		return -EPERM;
	r = namespace_entry(kind_of("user"), &entry);
	r = r ? r : file_open_inode(entry->inode, entry, O_RDONLY, &file);
	if (r)
		return r;
	fd = fd_install(file, 0, true);
	if (fd < 0)
		file_unref(file);
	return fd;
}

static long namespace_ioctl(struct file *file, uint32_t request, uint64_t argument)
{
	uint32_t flag = namespace_kind(file);

	switch (request) {
	case NS_GET_NSTYPE:
		return flag;
	case NS_GET_USERNS:
		return owner_open(flag);
	case NS_GET_PARENT: /* that of the first ones is beyond the enclave */
		return flag == CLONE_NEWUSER || flag == CLONE_NEWPID ? -EPERM : -EINVAL;
	case NS_GET_OWNER_UID:
		return flag == CLONE_NEWUSER ? USER_PUT(argument, (uint32_t)0) : -EINVAL;
	default:
		return -ENOTTY;
	}
}

static const struct file_ops namespace_ops = {.ioctl = namespace_ioctl};

uint32_t namespace_kind(const struct file *file)
{
	return file->ops == &namespace_ops ? kind_of(file->inode->anonymous_name)->flag : 0;
}

/* ---- /proc/PID/ns ---- */

static long namespace_read(const struct computed_entry *entry, char *to, size_t size)
{
	const struct kind *kind = kind_of(entry->node->text);
	int r = proc_permit(entry);
	size_t n = format_string(to, size, "%s:[%lu]", kind->name, kind->number);

	return r ? r : (long)MIN(n, size - 1);
}

static int namespace_follow(const struct computed_entry *entry, struct dentry **ret_entry)
{
	int r = proc_permit(entry);

	return r ? r : namespace_entry(kind_of(entry->node->text), ret_entry);
}

#define NAMESPACE(link_name, kind)                                                                 \
	{                                                                                          \
		.name = (link_name), .mode = S_IFLNK | 0777, .readlink = namespace_read,           \
		.follow = namespace_follow, .text = (kind)                                         \
	}

const struct computed_node proc_namespace_nodes[] = {
	NAMESPACE("cgroup", "cgroup"),
	NAMESPACE("ipc", "ipc"),
	NAMESPACE("mnt", "mnt"),
	NAMESPACE("net", "net"),
	NAMESPACE("pid", "pid"),
	NAMESPACE("pid_for_children", "pid"),
	NAMESPACE("time", "time"),
	NAMESPACE("time_for_children", "time"),
	NAMESPACE("user", "user"),
	NAMESPACE("uts", "uts"),
};
