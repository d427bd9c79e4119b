/* The names of flags and numbers. */
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <linux/eventpoll.h>
#include <linux/fanotify.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/time.h>
#include <linux/wait.h>

#include "libos/syscalls/trace_value.h"

struct value_name {
	uint64_t value;
	const char *name;
};

#define N(value)                                                                                   \
	{                                                                                          \
		(uint64_t)(value), #value                                                          \
	}
#define TABLE(is_flags, zero, ...)                                                                 \
	{                                                                                          \
		(const struct value_name[]){__VA_ARGS__},                                          \
			ARRAY_SIZE(((const struct value_name[]){__VA_ARGS__})), is_flags, zero     \
	}

struct name_table {
	const struct value_name *names;
	size_t count;
	bool is_flags;    /* any of them together; else one of them */
	const char *zero; /* what no flag is called */
};

static const struct name_table tables[TRACE_KIND_COUNT] = {
	[TRACE_KIND_PROT] = TABLE(true, "PROT_NONE", N(PROT_READ), N(PROT_WRITE), N(PROT_EXEC),
		N(PROT_GROWSDOWN), N(PROT_GROWSUP)),
	[TRACE_KIND_MAP] = TABLE(true, "0", N(MAP_SHARED_VALIDATE), N(MAP_SHARED), N(MAP_PRIVATE),
		N(MAP_FIXED), N(MAP_ANONYMOUS), N(MAP_GROWSDOWN), N(MAP_DENYWRITE),
		N(MAP_EXECUTABLE), N(MAP_LOCKED), N(MAP_NORESERVE), N(MAP_POPULATE),
		N(MAP_NONBLOCK), N(MAP_STACK), N(MAP_HUGETLB), N(MAP_SYNC), N(MAP_FIXED_NOREPLACE)),
	[TRACE_KIND_MREMAP] =
		TABLE(true, "0", N(MREMAP_MAYMOVE), N(MREMAP_FIXED), N(MREMAP_DONTUNMAP)),
	[TRACE_KIND_ADVICE] = TABLE(false, NULL, N(MADV_NORMAL), N(MADV_RANDOM), N(MADV_SEQUENTIAL),
		N(MADV_WILLNEED), N(MADV_DONTNEED), N(MADV_FREE), N(MADV_REMOVE), N(MADV_DONTFORK),
		N(MADV_DOFORK), N(MADV_MERGEABLE), N(MADV_UNMERGEABLE), N(MADV_HUGEPAGE),
		N(MADV_NOHUGEPAGE), N(MADV_DONTDUMP), N(MADV_DODUMP), N(MADV_WIPEONFORK),
		N(MADV_KEEPONFORK), N(MADV_COLD), N(MADV_PAGEOUT), N(MADV_POPULATE_READ),
		N(MADV_POPULATE_WRITE)),
	[TRACE_KIND_WHENCE] = TABLE(
		false, NULL, N(SEEK_SET), N(SEEK_CUR), N(SEEK_END), N(SEEK_DATA), N(SEEK_HOLE)),
	[TRACE_KIND_ACCESS] = TABLE(true, "F_OK", {4, "R_OK"}, {2, "W_OK"}, {1, "X_OK"}),
	[TRACE_KIND_AT] = TABLE(true, "0", N(AT_SYMLINK_NOFOLLOW), N(AT_EACCESS),
		N(AT_SYMLINK_FOLLOW), N(AT_NO_AUTOMOUNT), N(AT_EMPTY_PATH)),
	[TRACE_KIND_AT_REMOVE] = TABLE(true, "0", N(AT_REMOVEDIR)),
	[TRACE_KIND_FCNTL] = TABLE(false, NULL, N(F_DUPFD), N(F_GETFD), N(F_SETFD), N(F_GETFL),
		N(F_SETFL), N(F_GETLK), N(F_SETLK), N(F_SETLKW), N(F_SETOWN), N(F_GETOWN),
		N(F_SETSIG), N(F_GETSIG), N(F_SETLEASE), N(F_GETLEASE), N(F_NOTIFY),
		N(F_DUPFD_CLOEXEC), N(F_SETPIPE_SZ), N(F_GETPIPE_SZ), N(F_ADD_SEALS),
		N(F_GET_SEALS), N(F_OFD_GETLK), N(F_OFD_SETLK), N(F_OFD_SETLKW)),
	[TRACE_KIND_WAIT] = TABLE(true, "0", N(WNOHANG), {2, "WSTOPPED"}, N(WEXITED), N(WCONTINUED),
		N(WNOWAIT), N(__WALL), N(__WCLONE), N(__WNOTHREAD)),
	[TRACE_KIND_MASK_HOW] = TABLE(false, NULL, N(SIG_BLOCK), N(SIG_UNBLOCK), N(SIG_SETMASK)),
	[TRACE_KIND_LIMIT] = TABLE(false, NULL, N(RLIMIT_CPU), N(RLIMIT_FSIZE), N(RLIMIT_DATA),
		N(RLIMIT_STACK), N(RLIMIT_CORE), N(RLIMIT_RSS), N(RLIMIT_NPROC), N(RLIMIT_NOFILE),
		N(RLIMIT_MEMLOCK), N(RLIMIT_AS), N(RLIMIT_LOCKS), N(RLIMIT_SIGPENDING),
		N(RLIMIT_MSGQUEUE), N(RLIMIT_NICE), N(RLIMIT_RTPRIO), N(RLIMIT_RTTIME)),
	[TRACE_KIND_CLOCK] = TABLE(false, NULL, N(CLOCK_REALTIME), N(CLOCK_MONOTONIC),
		N(CLOCK_PROCESS_CPUTIME_ID), N(CLOCK_THREAD_CPUTIME_ID), N(CLOCK_MONOTONIC_RAW),
		N(CLOCK_REALTIME_COARSE), N(CLOCK_MONOTONIC_COARSE), N(CLOCK_BOOTTIME),
		N(CLOCK_REALTIME_ALARM), N(CLOCK_BOOTTIME_ALARM), N(CLOCK_TAI)),
	[TRACE_KIND_FAMILY] = TABLE(false, NULL, {0, "AF_UNSPEC"}, {1, "AF_UNIX"}, {2, "AF_INET"},
		{10, "AF_INET6"}, {16, "AF_NETLINK"}, {17, "AF_PACKET"}, {38, "AF_ALG"},
		{40, "AF_VSOCK"}),
	[TRACE_KIND_SHUTDOWN] =
		TABLE(false, NULL, {0, "SHUT_RD"}, {1, "SHUT_WR"}, {2, "SHUT_RDWR"}),
	[TRACE_KIND_MESSAGE_FLAGS] = TABLE(true, "0", {1, "MSG_OOB"}, {2, "MSG_PEEK"},
		{4, "MSG_DONTROUTE"}, {8, "MSG_CTRUNC"}, {0x20, "MSG_TRUNC"},
		{0x40, "MSG_DONTWAIT"}, {0x80, "MSG_EOR"}, {0x100, "MSG_WAITALL"},
		{0x4000, "MSG_NOSIGNAL"}, {0x8000, "MSG_MORE"}, {0x40000000, "MSG_CMSG_CLOEXEC"}),
	[TRACE_KIND_ACTION_FLAGS] = TABLE(true, "0", N(SA_RESTORER), N(SA_ONSTACK), N(SA_RESTART),
		{SA_NODEFER, "SA_NODEFER"}, {SA_RESETHAND, "SA_RESETHAND"}, N(SA_SIGINFO),
		N(SA_NOCLDSTOP), N(SA_NOCLDWAIT)),
	[TRACE_KIND_POLL_EVENTS] = TABLE(true, "0", N(POLLIN), N(POLLPRI), N(POLLOUT),
		N(POLLRDNORM), N(POLLRDBAND), N(POLLWRNORM), N(POLLWRBAND), N(POLLMSG), N(POLLERR),
		N(POLLHUP), N(POLLNVAL), N(POLLRDHUP)),
	[TRACE_KIND_RANDOM_FLAGS] =
		TABLE(true, "0", {1, "GRND_NONBLOCK"}, {2, "GRND_RANDOM"}, {4, "GRND_INSECURE"}),
	[TRACE_KIND_FD_FLAGS] = TABLE(true, "0", N(O_NONBLOCK), N(O_CLOEXEC), N(O_DIRECT)),
	[TRACE_KIND_EVENTFD] = TABLE(true, "0", {O_CLOEXEC, "EFD_CLOEXEC"},
		{O_NONBLOCK, "EFD_NONBLOCK"}, {1, "EFD_SEMAPHORE"}),
	[TRACE_KIND_EPOLL_FLAGS] = TABLE(true, "0", {O_CLOEXEC, "EPOLL_CLOEXEC"}),
	[TRACE_KIND_TIMERFD] =
		TABLE(true, "0", {O_CLOEXEC, "TFD_CLOEXEC"}, {O_NONBLOCK, "TFD_NONBLOCK"}),
	[TRACE_KIND_SIGNALFD] =
		TABLE(true, "0", {O_CLOEXEC, "SFD_CLOEXEC"}, {O_NONBLOCK, "SFD_NONBLOCK"}),
	[TRACE_KIND_ARCH] = TABLE(false, NULL, {0x1001, "ARCH_SET_GS"}, {0x1002, "ARCH_SET_FS"},
		{0x1003, "ARCH_GET_FS"}, {0x1004, "ARCH_GET_GS"}),
	[TRACE_KIND_IOCTL] = TABLE(false, NULL, N(TCGETS), N(TCSETS), N(TCSETSW), N(TCSETSF),
		N(TCSBRK), N(TCXONC), N(TCFLSH), N(TIOCEXCL), N(TIOCNXCL), N(TIOCSCTTY),
		N(TIOCGPGRP), N(TIOCSPGRP), N(TIOCOUTQ), N(TIOCSTI), N(TIOCGWINSZ), N(TIOCSWINSZ),
		N(FIONREAD), N(TIOCNOTTY), N(TIOCGSID), N(TIOCGPTN), N(TIOCSPTLCK), N(TIOCGPTPEER),
		N(FIONBIO), N(FIONCLEX), N(FIOCLEX), N(FIOASYNC), {0x8901, "FIOSETOWN"},
		{0x8903, "FIOGETOWN"}, {0x8910, "SIOCGIFNAME"}, {0x8912, "SIOCGIFCONF"},
		{0x8913, "SIOCGIFFLAGS"}, {0x8915, "SIOCGIFADDR"}, {0x891b, "SIOCGIFNETMASK"},
		{0x8921, "SIOCGIFMTU"}, {0x8927, "SIOCGIFHWADDR"}, {0x8933, "SIOCGIFINDEX"},
		N(FS_IOC_GETFLAGS), N(FS_IOC_SETFLAGS), N(FICLONE), N(FICLONERANGE),
		N(BLKGETSIZE64)),
	[TRACE_KIND_PRCTL] = TABLE(false, NULL, N(PR_SET_PDEATHSIG), N(PR_GET_PDEATHSIG),
		N(PR_GET_DUMPABLE), N(PR_SET_DUMPABLE), N(PR_GET_KEEPCAPS), N(PR_SET_KEEPCAPS),
		N(PR_SET_NAME), N(PR_GET_NAME), N(PR_GET_SECCOMP), N(PR_SET_SECCOMP),
		N(PR_CAPBSET_READ), N(PR_CAPBSET_DROP), N(PR_GET_TSC), N(PR_SET_TSC),
		N(PR_GET_SECUREBITS), N(PR_SET_SECUREBITS), N(PR_SET_TIMERSLACK),
		N(PR_GET_TIMERSLACK), N(PR_SET_MM), N(PR_SET_CHILD_SUBREAPER),
		N(PR_GET_CHILD_SUBREAPER), N(PR_SET_NO_NEW_PRIVS), N(PR_GET_NO_NEW_PRIVS),
		N(PR_GET_TID_ADDRESS), N(PR_SET_THP_DISABLE), N(PR_GET_THP_DISABLE),
		N(PR_CAP_AMBIENT), N(PR_GET_SPECULATION_CTRL), N(PR_SET_SPECULATION_CTRL),
		{0x53564d41, "PR_SET_VMA"}),
	[TRACE_KIND_SECCOMP] =
		TABLE(false, NULL, {0, "SECCOMP_SET_MODE_STRICT"}, {1, "SECCOMP_SET_MODE_FILTER"},
			{2, "SECCOMP_GET_ACTION_AVAIL"}, {3, "SECCOMP_GET_NOTIF_SIZES"}),
	[TRACE_KIND_LANDLOCK_CREATE] = TABLE(true, "0", {1, "LANDLOCK_CREATE_RULESET_VERSION"},
		{2, "LANDLOCK_CREATE_RULESET_ERRATA"}),
	[TRACE_KIND_LANDLOCK_RULE] = TABLE(
		false, NULL, {1, "LANDLOCK_RULE_PATH_BENEATH"}, {2, "LANDLOCK_RULE_NET_PORT"}),
	[TRACE_KIND_LANDLOCK_RESTRICT] =
		TABLE(true, "0", {1, "LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF"},
			{2, "LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON"},
			{4, "LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF"}),
	[TRACE_KIND_LANDLOCK_FILES] = TABLE(true, "0", {1 << 0, "LANDLOCK_ACCESS_FS_EXECUTE"},
		{1 << 1, "LANDLOCK_ACCESS_FS_WRITE_FILE"}, {1 << 2, "LANDLOCK_ACCESS_FS_READ_FILE"},
		{1 << 3, "LANDLOCK_ACCESS_FS_READ_DIR"}, {1 << 4, "LANDLOCK_ACCESS_FS_REMOVE_DIR"},
		{1 << 5, "LANDLOCK_ACCESS_FS_REMOVE_FILE"},
		{1 << 6, "LANDLOCK_ACCESS_FS_MAKE_CHAR"}, {1 << 7, "LANDLOCK_ACCESS_FS_MAKE_DIR"},
		{1 << 8, "LANDLOCK_ACCESS_FS_MAKE_REG"}, {1 << 9, "LANDLOCK_ACCESS_FS_MAKE_SOCK"},
		{1 << 10, "LANDLOCK_ACCESS_FS_MAKE_FIFO"},
		{1 << 11, "LANDLOCK_ACCESS_FS_MAKE_BLOCK"},
		{1 << 12, "LANDLOCK_ACCESS_FS_MAKE_SYM"}, {1 << 13, "LANDLOCK_ACCESS_FS_REFER"},
		{1 << 14, "LANDLOCK_ACCESS_FS_TRUNCATE"},
		{1 << 15, "LANDLOCK_ACCESS_FS_IOCTL_DEV"}),
	[TRACE_KIND_LANDLOCK_PORTS] = TABLE(true, "0", {1, "LANDLOCK_ACCESS_NET_BIND_TCP"},
		{2, "LANDLOCK_ACCESS_NET_CONNECT_TCP"}),
	[TRACE_KIND_LANDLOCK_SCOPES] = TABLE(true, "0", {1, "LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET"},
		{2, "LANDLOCK_SCOPE_SIGNAL"}),
	[TRACE_KIND_FANOTIFY_MARK] = TABLE(true, "0", N(FAN_MARK_ADD), N(FAN_MARK_REMOVE),
		N(FAN_MARK_DONT_FOLLOW), N(FAN_MARK_ONLYDIR), {0x110, "FAN_MARK_MNTNS"},
		N(FAN_MARK_MOUNT), N(FAN_MARK_IGNORED_MASK), N(FAN_MARK_IGNORED_SURV_MODIFY),
		N(FAN_MARK_FLUSH), N(FAN_MARK_FILESYSTEM), N(FAN_MARK_EVICTABLE),
		N(FAN_MARK_IGNORE)),
	[TRACE_KIND_FANOTIFY_EVENTS] = TABLE(true, "0", N(FAN_ACCESS), N(FAN_MODIFY), N(FAN_ATTRIB),
		N(FAN_CLOSE_WRITE), N(FAN_CLOSE_NOWRITE), N(FAN_OPEN), N(FAN_MOVED_FROM),
		N(FAN_MOVED_TO), N(FAN_CREATE), N(FAN_DELETE), N(FAN_DELETE_SELF), N(FAN_MOVE_SELF),
		N(FAN_OPEN_EXEC), N(FAN_Q_OVERFLOW), N(FAN_FS_ERROR), N(FAN_OPEN_PERM),
		N(FAN_ACCESS_PERM), N(FAN_OPEN_EXEC_PERM), {0x100000, "FAN_PRE_ACCESS"},
		N(FAN_ONDIR), N(FAN_EVENT_ON_CHILD), N(FAN_RENAME)),
	[TRACE_KIND_EPOLL] =
		TABLE(false, NULL, N(EPOLL_CTL_ADD), N(EPOLL_CTL_DEL), N(EPOLL_CTL_MOD)),
};

/* Composite ones before their parts. */
static const struct name_table open_flags =
	TABLE(true, "", N(O_CREAT), N(O_EXCL), N(O_NOCTTY), N(O_TRUNC), N(O_APPEND), N(O_NONBLOCK),
		{04010000, "O_SYNC"}, N(O_DSYNC), N(O_DIRECT), N(O_LARGEFILE), N(O_NOFOLLOW),
		N(O_NOATIME), N(O_CLOEXEC), N(O_PATH), N(O_TMPFILE), N(O_DIRECTORY));

static const struct name_table fanotify_flags = TABLE(true, "", N(FAN_CLOEXEC), N(FAN_NONBLOCK),
	N(FAN_UNLIMITED_QUEUE), N(FAN_UNLIMITED_MARKS), N(FAN_ENABLE_AUDIT), N(FAN_REPORT_PIDFD),
	N(FAN_REPORT_TID), N(FAN_REPORT_FID), N(FAN_REPORT_DIR_FID), N(FAN_REPORT_NAME),
	N(FAN_REPORT_TARGET_FID), {0x2000, "FAN_REPORT_FD_ERROR"}, {0x4000, "FAN_REPORT_MNT"});

static const struct name_table clone_flags = TABLE(true, "", N(CLONE_VM), N(CLONE_FS),
	N(CLONE_FILES), N(CLONE_SIGHAND), N(CLONE_PIDFD), N(CLONE_PTRACE), N(CLONE_VFORK),
	N(CLONE_PARENT), N(CLONE_THREAD), N(CLONE_NEWNS), N(CLONE_SYSVSEM), N(CLONE_SETTLS),
	N(CLONE_PARENT_SETTID), N(CLONE_CHILD_CLEARTID), N(CLONE_DETACHED), N(CLONE_UNTRACED),
	N(CLONE_CHILD_SETTID), N(CLONE_NEWCGROUP), N(CLONE_NEWUTS), N(CLONE_NEWIPC),
	N(CLONE_NEWUSER), N(CLONE_NEWPID), N(CLONE_NEWNET), N(CLONE_IO));

static const struct name_table futex_operations = TABLE(false, NULL, N(FUTEX_WAIT), N(FUTEX_WAKE),
	N(FUTEX_REQUEUE), N(FUTEX_CMP_REQUEUE), N(FUTEX_WAKE_OP), N(FUTEX_LOCK_PI),
	N(FUTEX_UNLOCK_PI), N(FUTEX_TRYLOCK_PI), N(FUTEX_WAIT_BITSET), N(FUTEX_WAKE_BITSET),
	N(FUTEX_WAIT_REQUEUE_PI), N(FUTEX_CMP_REQUEUE_PI), N(FUTEX_LOCK_PI2));

static const char *const signal_names[] = {NULL, "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP",
	"SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE",
	"SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN",
	"SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",
	"SIGPWR", "SIGSYS"};

static const struct {
	long error;
	const char *name, *text;
} errors[] = {
#define ERROR(number, name, text) {number, name, text},
#include "libos/syscalls/errors.def"
#undef ERROR
};

/* Each flag that is set, and what is left as a number. Returns whether anything was printed. */
static bool put_flags(struct trace_line *line, const struct name_table *table, uint64_t value)
{
	const char *separator = "";

	for (size_t i = 0; i < table->count; i++) {
		if (!table->names[i].value ||
			(value & table->names[i].value) != table->names[i].value)
			continue;
		value &= ~table->names[i].value;
		trace_put(line, "%s%s", separator, table->names[i].name);
		separator = "|";
	}
	if (value)
		trace_put(line, "%s%#lx", separator, value);
	return value || *separator;
}

static bool put_one(struct trace_line *line, const struct name_table *table, uint64_t value)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->names[i].value == value) {
			trace_put(line, "%s", table->names[i].name);
			return true;
		}
	return false;
}

void trace_put_named(struct trace_line *line, enum trace_kind kind, uint64_t value)
{
	const struct name_table *table = &tables[kind];

	value = (uint32_t)value; /* all of them are ints */
	if (!table->is_flags) {
		if (!put_one(line, table, value))
			trace_put(line, "%#x", (uint32_t)value);
	} else if (!put_flags(line, table, value)) {
		trace_put(line, "%s", table->zero);
	}
}

void trace_put_open(struct trace_line *line, uint64_t flags)
{
	static const char *const modes[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};

	trace_put(line, "%s", modes[flags & O_ACCMODE]);
	flags = (uint32_t)flags & ~(uint64_t)O_ACCMODE;
	if (flags) {
		trace_put(line, "|");
		put_flags(line, &open_flags, flags);
	}
}

void trace_put_fanotify_group(struct trace_line *line, uint64_t flags)
{
	static const char *const classes[] = {
		"FAN_CLASS_NOTIF", "FAN_CLASS_CONTENT", "FAN_CLASS_PRE_CONTENT", "0xc"};
	const uint32_t class = FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT;

	trace_put(line, "%s", classes[(flags & class) / FAN_CLASS_CONTENT]);
	flags = (uint32_t)flags & ~class;
	if (flags) {
		trace_put(line, "|");
		put_flags(line, &fanotify_flags, flags);
	}
}

void trace_put_socket_type(struct trace_line *line, uint64_t type)
{
	static const char *const names[] = {
		NULL, "SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW", "SOCK_RDM", "SOCK_SEQPACKET"};
	uint32_t base = type & 15, flags = (uint32_t)type & ~15U;

	if (base && base < ARRAY_SIZE(names))
		trace_put(line, "%s", names[base]);
	else
		trace_put(line, "%#x", base);
	if (flags & O_CLOEXEC)
		trace_put(line, "|SOCK_CLOEXEC");
	if (flags & O_NONBLOCK)
		trace_put(line, "|SOCK_NONBLOCK");
}

void trace_put_clone(struct trace_line *line, uint64_t flags)
{
	int signo = (int)(flags & CSIGNAL);

	if (put_flags(line, &clone_flags, flags & ~(uint64_t)CSIGNAL) && signo)
		trace_put(line, "|");
	if (signo)
		trace_put_signal(line, signo);
	else if (!flags)
		trace_put(line, "0");
}

void trace_put_futex(struct trace_line *line, uint64_t operation)
{
	const uint32_t modifiers = FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME;

	if (!put_one(line, &futex_operations, (uint32_t)operation & ~modifiers))
		trace_put(line, "%#x", (uint32_t)operation & ~modifiers);
	/* strace has a name for the two together. */
	if (operation & FUTEX_PRIVATE_FLAG)
		trace_put(line, "_PRIVATE");
	if (operation & FUTEX_CLOCK_REALTIME)
		trace_put(line, "|FUTEX_CLOCK_REALTIME");
}

void trace_put_signal(struct trace_line *line, int signo)
{
	if (signo > 0 && (size_t)signo < ARRAY_SIZE(signal_names))
		trace_put(line, "%s", signal_names[signo]);
	else if (signo >= 32 && signo <= 64)
		trace_put(line, "SIGRT_%d", signo - 32);
	else
		trace_put(line, "%d", signo);
}

void trace_put_signal_short(struct trace_line *line, int signo)
{
	if (signo > 0 && (size_t)signo < ARRAY_SIZE(signal_names))
		trace_put(line, "%s", signal_names[signo] + 3);
	else
		trace_put(line, "RT_%d", signo - 32);
}

void trace_put_error(struct trace_line *line, long error)
{
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i].error == error) {
			trace_put(line, "%s %s (%s)", error > 511 ? "?" : "-1", errors[i].name,
				errors[i].text);
			return;
		}
	trace_put(line, "-1 (error %ld)", error);
}
