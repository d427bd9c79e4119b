/* /proc/PID/loginuid and sessionid: who logged in, for the kernel's audit. sshd, login and cron say
 * it of each session (pam_loginuid(8)), and refuse the login if they can't. */
#include <linux/capability.h>
#include <linux/errno.h>

#include "libos/files/proc.h"
#include "libos/processes/process.h"

static uint32_t last_session;

static int show(const struct computed_entry *entry, struct text *text, bool is_session)
{
	struct thread *thread;

	LOCK_SCOPE(&process_table_lock);
	thread = proc_thread(entry);
	if (!thread)
		return -ESRCH;
	text_put(text, "%u",
		is_session ? thread->process->login_session : thread->process->login_uid);
	return 0;
}

int proc_show_login_uid(const struct computed_entry *entry, struct text *text)
{
	return show(entry, text, false);
}

int proc_show_login_session(const struct computed_entry *entry, struct text *text)
{
	return show(entry, text, true);
}

/* A user's decimal number, and perhaps the end of its line. */
static int parse_uid(const char *from, uint32_t *ret_uid)
{
	const char *at = from;
	uint64_t number = 0;

	for (; *at >= '0' && *at <= '9'; at++) {
		number = number * 10 + (uint64_t)(*at - '0');
		if (number > UINT32_MAX)
			return -ERANGE;
	}
	if (at == from || (at[0] == '\n' ? at[1] : at[0]))
		return -EINVAL;
	*ret_uid = (uint32_t)number;
	return 0;
}

/* Only one's own, and once; the privileged may change it. */
int proc_store_login_uid(const struct computed_entry *entry, const char *from, size_t size)
{
	struct process *process = thread_current()->process;
	struct thread *thread;
	uint32_t uid;
	int r = parse_uid(from, &uid);

	(void)size;
	LOCK_SCOPE(&process_table_lock);
	thread = proc_thread(entry);
	if (!thread)
		return -ESRCH;
	if (thread->process != process)
		return -EPERM;
	if (r)
		return r;
	if (process->login_uid != LOGIN_NOBODY &&
		!credentials_can(&thread_current()->credentials, CAP_AUDIT_CONTROL))
		return -EPERM;
	process->login_uid = uid;
	process->login_session = uid == LOGIN_NOBODY
					 ? LOGIN_NOBODY
					 : __atomic_add_fetch(&last_session, 1, __ATOMIC_RELAXED);
	return 0;
}
