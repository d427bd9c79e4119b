#include "host/enclave.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/rseq.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/launch.h"
#include "host/loader.h"
#include "host/signals.h"
#include "host/terminal.h"
#include "platform/layout.h"

#define BOOT_STACK_SIZE (128UL * 1024)
#define STATUS_BROKEN 125 /* as docker: the runtime's own failure */

struct region {
	int fd;
	uintptr_t entry, boot_stack_top;
	struct launch *launch;
	struct mailbox *mailbox;
};

static void close_fdp(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static int region_map(int *ret_fd, struct image_error *error)
{
	CLEANUP(close_fdp) int fd = memfd_create("casemate-enclave", MFD_CLOEXEC);
	void *at = (void *)PLATFORM_REGION_START;

	signal(SIGXFSZ, SIG_IGN); /* a limit is an error to report, not an end */
	if (fd < 0)
		return image_fail_errno(error, -errno, "memfd_create");
	if (ftruncate(fd, (off_t)PLATFORM_REGION_SIZE) < 0)
		return image_fail_errno(error, -errno,
			"reserving the enclave's memory (is `ulimit -f` set? it must be "
			"unlimited)");
	if (mmap(at, PLATFORM_REGION_SIZE, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE, fd, 0) != at)
		return image_fail_errno(error, -errno,
			"mapping the enclave's address range (is `ulimit -v` set? it must be "
			"unlimited)");
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* Two pages of one file with different protections must be one mapping each: the rest stays as it
 * is. */
static int region_fill(const struct image *image, struct region *region, struct image_error *error)
{
	uintptr_t end;
	int r = region_map(&region->fd, error);

	if (r < 0)
		return r;
	r = loader_place(image->platforms[IMAGE_PLATFORM_SIMULATION].libos_bytes,
		PLATFORM_REGION_START, PLATFORM_REGION_SIZE, &region->entry, &end, error);
	if (r < 0)
		return r;
	region->launch = (struct launch *)end;
	end = ALIGN_UP(end + sizeof(struct launch), PAGE_SIZE);
	region->mailbox = (struct mailbox *)end;
	region->launch->mailbox = end;
	end = ALIGN_UP(end + sizeof(struct mailbox), PAGE_SIZE) + BOOT_STACK_SIZE;
	region->boot_stack_top = end;
	region->launch->region_free = end;
	return 0;
}

/* Append a string to the launch page; *ret_at is where it is. */
static int add_string(
	struct launch *launch, const char *string, uint32_t *ret_at, struct image_error *error)
{
	size_t size = strlen(string) + 1;

	if (size > sizeof(launch->strings) - launch->strings_size)
		return image_fail(error, -E2BIG,
			"arguments and environment are longer than %zu bytes",
			sizeof(launch->strings));
	memcpy(launch->strings + launch->strings_size, string, size);
	if (ret_at)
		*ret_at = launch->strings_size;
	launch->strings_size += (uint32_t)size;
	return 0;
}

static int add_strings(
	struct launch *launch, const struct enclave_options *options, struct image_error *error)
{
	int r = 0;

	for (size_t i = 0; i < options->argument_count && r == 0; i++)
		r = add_string(launch, options->arguments[i], NULL, error);
	for (size_t i = 0; i < options->environment_count && r == 0; i++)
		r = add_string(launch, options->environment[i], NULL, error);
	if (options->working_directory && r == 0) {
		launch->flags |= LAUNCH_HAS_WORKDIR;
		r = add_string(
			launch, options->working_directory, &launch->working_directory, error);
	}
	if (options->trace_filter && r == 0) {
		launch->flags |= LAUNCH_HAS_TRACE_FILTER;
		r = add_string(launch, options->trace_filter, &launch->trace_filter, error);
	}
	for (size_t i = 0; i < options->mount_count && r == 0; i++) {
		launch->mounts[i].fd = options->mounts[i].fd;
		launch->mounts[i].read_only = options->mounts[i].read_only;
		r = add_string(launch, options->mounts[i].target, &launch->mounts[i].target, error);
	}
	for (size_t i = 0; i < options->name_count && r == 0; i++)
		r = add_string(launch, options->names[i], &launch->names[i], error);
	return r;
}

static int add_ports(
	struct launch *launch, const struct enclave_options *options, struct image_error *error)
{
	if (options->port_count > LAUNCH_PORT_COUNT_MAX)
		return image_fail(error, -E2BIG, "more than %d ports", LAUNCH_PORT_COUNT_MAX);
	if (options->name_count > LAUNCH_NAME_COUNT_MAX)
		return image_fail(error, -E2BIG, "more than %d names", LAUNCH_NAME_COUNT_MAX);
	for (size_t i = 0; i < options->port_count; i++)
		launch->ports[i] = (struct launch_port){
			options->ports[i].port, options->ports[i].is_udp, options->ports[i].fd};
	launch->port_count = (uint32_t)options->port_count;
	launch->name_count = (uint32_t)options->name_count;
	launch->resolver = ports_host_resolver();
	return 0;
}

static int launch_fill(const struct image *image, const struct enclave_options *options,
	struct region *region, struct image_error *error)
{
	struct launch *launch = region->launch;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int r;

	if (options->mount_count > LAUNCH_MOUNT_COUNT_MAX)
		return image_fail(error, -E2BIG, "more than %d mounts", LAUNCH_MOUNT_COUNT_MAX);
	r = add_ports(launch, options, error);
	if (r < 0)
		return r;
	launch->magic = LAUNCH_MAGIC;
	launch->size = sizeof(*launch);
	launch->image_size = image->superblock.file_size;
	launch->region_fd = region->fd;
	launch->image_fd = image->fd;
	launch->log_fd = options->log_fd;
	launch->notify_fd = launch->quoting_fd = -1;
	launch->trace_fd = options->trace_fd;
	launch->launcher_pid = getpid();
	launch->cpu_count = cpus > 0 ? (uint32_t)cpus : 1;
	launch->flags = (options->trace ? LAUNCH_TRACE : 0U) |
			(options->stats ? LAUNCH_STATS : 0U) |
			(options->argument_count ? LAUNCH_HAS_ARGS : 0U) |
			(options->has_terminal ? LAUNCH_TERMINAL : 0U) |
			(options->has_terminal && options->has_input ? LAUNCH_TERMINAL_INPUT : 0U);
	launch->trace_string_size = options->trace_string_size;
	launch->log_level = options->log_level;
	launch->argument_count = (uint32_t)options->argument_count;
	launch->environment_count = (uint32_t)options->environment_count;
	launch->mount_count = (uint32_t)options->mount_count;
	memcpy(launch->image_digest, image->superblock.image_digest, sizeof(launch->image_digest));
	return add_strings(launch, options, error);
}

/* Each connection outward is a descriptor of the host's: as many as may be. */
static void descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* The kernel keeps writing to the C library's rseq area, which is about to be unmapped. */
static void rseq_unregister(void)
{
	if (__rseq_size)
		syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, 32,
			RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

static NORETURN void become_enclave(const struct region *region, pid_t launcher, bool is_debug)
{
	host_signals_ignore_all();
	setsid(); /* the terminal's signals are for the launcher, which passes them on */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Whether the user's own debugger may attach. */
	prctl(PR_SET_DUMPABLE, is_debug);
	if (getppid() != launcher)
		_exit(STATUS_BROKEN);
	descriptors_raise();
	rseq_unregister();
	__asm__ volatile("movq %0, %%rsp\n\t"
			 "xorl %%ebp, %%ebp\n\t"
			 "call *%1\n\t"
			 "hlt"
			 :
			 : "r"(region->boot_stack_top), "r"(region->entry), "D"(region->launch)
			 : "memory");
	__builtin_unreachable();
}

/* Have all processes of the enclave's session ended? The kernel goes through all of them, those
 * that wait to be reaped included: as long as there are such, nobody asks, or reaping many that
 * ended at once would fall behind for good. */
static bool is_empty(pid_t first)
{
	siginfo_t info = {0};

	if (!waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) && info.si_pid)
		return false;
	return kill(-first, 0) < 0 && errno == ESRCH;
}

/* Reap a process of the enclave: its number. 0 for a child of somebody who became us by execve(2).
 */
static pid_t reap(pid_t first, int *ret_status)
{
	siginfo_t info = {0};
	bool ours;

	if (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | __WALL) < 0)
		return -errno;
	ours = info.si_pid == first || getpgid(info.si_pid) == first;
	if (waitpid(info.si_pid, ret_status, __WALL) < 0)
		return -errno;
	return ours ? info.si_pid : 0;
}

/* Wait until the enclave says it is done, or is broken: then its exit status in wait(2)'s form. */
static int wait_for_end(pid_t first, const struct launch_live *live, struct image_error *error)
{
	int status;
	pid_t pid;

	for (;;) {
		pid = reap(first, &status);
		if (__atomic_load_n(&live->done, __ATOMIC_ACQUIRE))
			return __atomic_load_n(&live->exit_status, __ATOMIC_RELAXED) & 0xffff;
		if (pid == 0 || pid == -EINTR)
			continue;
		if (pid > 0 && WIFSIGNALED(status))
			return image_fail(error, -EPIPE,
				"a process of the enclave (%d on the host) was ended from outside, "
				"by signal %d (%s): the enclave is stopped",
				(int)pid, WTERMSIG(status), strsignal(WTERMSIG(status)));
		if (pid < 0 || is_empty(first))
			return image_fail(error, -EPIPE, "the enclave is gone without a word");
	}
}

/* The kernel signals a session's group and starts a process in it one after the other: none is
 * missed. */
static void kill_all(pid_t first)
{
	if (kill(-first, SIGKILL) < 0)
		return;
	while (waitpid(-first, NULL, __WALL) > 0 || errno == EINTR)
		continue;
}

static int notify_make(
	const struct enclave_options *options, struct region *region, struct image_error *error)
{
	if (!options->control)
		return 0;
	region->launch->notify_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return region->launch->notify_fd < 0 ? image_fail_errno(error, -errno, "eventfd") : 0;
}

int enclave_run(const struct image *image, const struct enclave_options *options, int *ret_status,
	struct image_error *error)
{
	struct region region = {.fd = -1};
	struct control *control = NULL;
	struct quoting *quoting = NULL;
	pid_t launcher = getpid(), first;
	int r, status;

	if (!image->platforms[IMAGE_PLATFORM_SIMULATION].libos)
		return image_fail(error, -ENOTSUP, "the image has no LibOS for simulation");
	r = region_fill(image, &region, error);
	if (r == 0)
		r = launch_fill(image, options, &region, error);
	if (r == 0)
		r = notify_make(options, &region, error);
	if (r == 0)
		r = quoting_new(
			image, options->quoting_start, &quoting, &region.launch->quoting_fd, error);
	if (r < 0)
		return r;
	host_signals_forward(&region.launch->live);
	if (options->has_terminal && options->has_input) {
		r = host_terminal_make_raw(STDIN_FILENO);
		if (r < 0) {
			quoting_free(quoting);
			return image_fail_errno(error, r, "the terminal on standard input");
		}
	}
	/* Descriptors are shared, so that what is opened on either side has one number in all. */
	first = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
	if (first < 0) {
		r = -errno;
		host_terminal_restore();
		quoting_free(quoting);
		return image_fail_errno(
			error, r, "starting a process (is `ulimit -u` set too low?)");
	}
	if (first == 0)
		become_enclave(&region, launcher,
			image->platforms[IMAGE_PLATFORM_SIMULATION].claims.debug);
	host_signals_stop_with(first);
	if (options->control)
		r = control_start(options->control, region.mailbox, &region.launch->live,
			region.launch->notify_fd, first, &control, error);
	status = r < 0 ? r : wait_for_end(first, &region.launch->live, error);
	kill_all(first);
	quoting_free(quoting);
	host_terminal_restore();
	if (control_finish(control))
		status = SIGKILL;
	if (status < 0)
		return status;
	*ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return 0;
}
