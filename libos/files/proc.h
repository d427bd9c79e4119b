/* /proc: proc(5). */
#ifndef LIBOS_FILES_PROC_H
#define LIBOS_FILES_PROC_H

#include "libos/files/computed.h"

struct process;
struct thread;

/* At /proc. */
MUST_CHECK int proc_mount(void);
struct file;
/* The process whose directory in /proc @file is: referenced. -EBADF: it is none; -ESRCH: gone. */
MUST_CHECK int proc_process(const struct file *file, struct process **ret_process);
/* One more, @flags of enum mount_flags, not attached. NULL: no memory. */
struct mount *proc_mount_new(uint32_t flags);

/* The tree's parts. */
extern const struct computed_node proc_process_node; /* proc_process.c: /proc/PID, */
extern const struct computed_node proc_task_node;    /* /proc/PID/task/TID */
extern const struct computed_dynamic proc_tasks, proc_descriptors, proc_descriptor_infos;
extern const struct computed_node proc_sys_nodes[], proc_net_nodes[];
#define PROC_SYS_COUNT 5
#define PROC_NET_COUNT 14

/* ---- Finding processes: process_table_lock is held ---- */

/* The thread that an entry is about; NULL: gone. */
struct thread *proc_thread(const struct computed_entry *entry);
/* The key of @thread, as a process or as one thread of it. */
void proc_key(struct thread *thread, bool is_task, struct computed_key *ret_key);
/* ptrace(2), "Ptrace access mode checking", PTRACE_MODE_READ_FSCREDS. */
bool proc_may_inspect(struct thread *target);
/* The same for entries, taking the lock: 0, -EACCES, -ESRCH. */
/* /proc/PID/ns: libos/files/proc_namespaces.c. */
#define PROC_NAMESPACE_COUNT 10
extern const struct computed_node proc_namespace_nodes[PROC_NAMESPACE_COUNT];
int proc_permit(const struct computed_entry *entry);

/* ---- Contents; all of struct computed_node.show ---- */

int proc_show_status(const struct computed_entry *entry, struct text *text);
int proc_show_stat(const struct computed_entry *entry, struct text *text);
int proc_show_statm(const struct computed_entry *entry, struct text *text);
int proc_show_login_uid(const struct computed_entry *entry, struct text *text);
int proc_show_login_session(const struct computed_entry *entry, struct text *text);
int proc_show_io(const struct computed_entry *entry, struct text *text);
int proc_show_maps(const struct computed_entry *entry, struct text *text);
long proc_maps_ioctl(const struct computed_entry *entry, uint32_t request, uint64_t argument);
int proc_show_smaps(const struct computed_entry *entry, struct text *text);
int proc_show_smaps_rollup(const struct computed_entry *entry, struct text *text);
int proc_show_mounts(const struct computed_entry *entry, struct text *text);
int proc_show_mountinfo(const struct computed_entry *entry, struct text *text);
int proc_show_mountstats(const struct computed_entry *entry, struct text *text);
int proc_show_cpuinfo(const struct computed_entry *entry, struct text *text);
int proc_show_meminfo(const struct computed_entry *entry, struct text *text);
int proc_show_loadavg(const struct computed_entry *entry, struct text *text);
int proc_show_uptime(const struct computed_entry *entry, struct text *text);
int proc_show_system_stat(const struct computed_entry *entry, struct text *text);

/* .store */
int proc_store_login_uid(const struct computed_entry *entry, const char *from, size_t size);

/* Magic links: exe, cwd, root. */
long proc_link_read(const struct computed_entry *entry, char *to, size_t size);
int proc_link_follow(const struct computed_entry *entry, struct dentry **ret_entry);
enum proc_link { PROC_LINK_EXECUTABLE, PROC_LINK_DIRECTORY, PROC_LINK_ROOT };

#endif
