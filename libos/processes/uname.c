/* uname(2), sethostname(2), setdomainname(2): one UTS namespace. */
#include "libos/processes/uname.h"

#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/utsname.h>

#include "base/memory.h"
#include "libos/core/lock.h"
#include "libos/core/user.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"

static struct lock names_lock;
static struct new_utsname names = {
	.sysname = "Linux",
	.nodename = "casemate",
	.release = UNAME_RELEASE,
	.version = UNAME_VERSION,
	.machine = "x86_64",
	.domainname = "(none)",
};

static void set_text(char to[__NEW_UTS_LEN + 1], const char *name)
{
	LOCK_SCOPE(&names_lock);
	memset(to, 0, __NEW_UTS_LEN + 1);
	string_copy(to, name, __NEW_UTS_LEN + 1);
}

void uname_set_hostname(const char *name)
{
	set_text(names.nodename, name);
}

void uname_set_domainname(const char *name)
{
	set_text(names.domainname, name);
}

const char *uname_hostname(void)
{
	return names.nodename;
}

const char *uname_domainname(void)
{
	return names.domainname;
}

long sys_uname(struct thread *thread, const struct syscall_args *args)
{
	struct new_utsname copy;

	lock_acquire(&names_lock);
	copy = names;
	lock_release(&names_lock);
	if (thread->process->personality & 0x0020000 /* UNAME26 */)
		string_copy(copy.release, "2.6.61-casemate", sizeof(copy.release));
	return USER_PUT(args->a, copy);
}

static long set_name(struct thread *thread, char *name, const struct syscall_args *args)
{
	char copy[__NEW_UTS_LEN + 1] = "";
	int length = (int)args->b;

	if (!credentials_can(&thread->credentials, CAP_SYS_ADMIN))
		return -EPERM;
	if (length < 0 || length > __NEW_UTS_LEN)
		return -EINVAL;
	if (user_read(copy, args->a, (size_t)length))
		return -EFAULT;
	LOCK_SCOPE(&names_lock);
	memcpy(name, copy, sizeof(copy));
	return 0;
}

long sys_sethostname(struct thread *thread, const struct syscall_args *args)
{
	return set_name(thread, names.nodename, args);
}

long sys_setdomainname(struct thread *thread, const struct syscall_args *args)
{
	return set_name(thread, names.domainname, args);
}
