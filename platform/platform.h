/* What the LibOS stands on. One back end is linked: simulation/ (host processes), stub/ (hosted
 * unit tests), later hypervisor/ and sgx/. Errors are negative errno. Nothing here trusts the host:
 * a back end checks every answer it gets before it returns it. */
#ifndef PLATFORM_PLATFORM_H
#define PLATFORM_PLATFORM_H

#include "base/compiler.h"
#include "platform/layout.h"

struct thread;

/* ---- Layout ------------------------------------------------------------------------------------
 * The LibOS region is mapped at the same place in every address space. Programs have
 * [PLATFORM_USER_START, PLATFORM_USER_END) without the region. */
#define PLATFORM_USER_START 0x10000UL
#define PLATFORM_USER_END 0x7ffffffff000UL

/* Does [addr, addr + size) belong to programs? (size 0: is addr itself in range.) */
static inline bool platform_is_user(uintptr_t addr, size_t size)
{
	return size <= PLATFORM_USER_END && addr <= PLATFORM_USER_END - size &&
	       (addr + size <= PLATFORM_REGION_START || addr >= PLATFORM_REGION_END);
}

/* The part of the region not used by the LibOS's own segments: zero-filled, demand-committed,
 * shared by all address spaces. The LibOS's heap and page cache divide it. Page aligned. */
void platform_memory_range(uintptr_t *ret_start, size_t *ret_size);

/* What the machine has, in bytes, and how much of it nobody uses. The host's word; at least a page,
 * never more free than there is. */
void platform_memory_total(uint64_t *ret_total, uint64_t *ret_free);

/* How much of that range is committed, bytes. */
uint64_t platform_memory_used(void);

/* Give committed memory of that range back to the host; it reads as zeros afterwards. */
void platform_memory_discard(void *start, size_t size);

/* ---- Address spaces (of the calling thread) ----------------------------------------------------
 */
#define PLATFORM_READ 1U
#define PLATFORM_WRITE 2U
#define PLATFORM_EXECUTE 4U

/* All replace whatever was mapped in [addr, addr + size). Page aligned, user range. */
MUST_CHECK int platform_map_anonymous(uintptr_t addr, size_t size, unsigned int prot);
/* Map region memory at @memory; @copy_on_write: the program's writes stay private. */
MUST_CHECK int platform_map_region(
	uintptr_t addr, size_t size, unsigned int prot, const void *memory, bool copy_on_write);
/* Reserve without access: any touch faults to the LibOS. */
MUST_CHECK int platform_map_nothing(uintptr_t addr, size_t size);
MUST_CHECK int platform_unmap(uintptr_t addr, size_t size);
MUST_CHECK int platform_protect(uintptr_t addr, size_t size, unsigned int prot);
/* Move pages with their contents; @new_addr's range is replaced, @addr's becomes unmapped. */
MUST_CHECK int platform_move(uintptr_t addr, size_t size, uintptr_t new_addr);
/* Anonymous pages only: drop contents (read as zeros afterwards). */
MUST_CHECK int platform_discard(uintptr_t addr, size_t size);
/* madvise(2) values that do not change what a program can see; failures are ignored. */
void platform_advise(uintptr_t addr, size_t size, int advice);
/* One byte a page: bit 0 = resident. */
MUST_CHECK int platform_resident(uintptr_t addr, size_t size, uint8_t *ret_vector);
/* Bytes that the address space of @thread, which lives, has present: of its own, and shared with
 * others (the LibOS included). */
MUST_CHECK int platform_space_usage(
	struct thread *thread, uint64_t *ret_private, uint64_t *ret_shared);
/* Of its own only, and what it shares with other spaces since a fork counts once among them. */
MUST_CHECK int platform_space_share(struct thread *thread, uint64_t *ret_private);
/* Copy between the region and the program's half of the space of @target, which lives: bytes, fewer
 * where they end, -EFAULT if none, -EPERM where spaces cannot be reached. */
MUST_CHECK long platform_space_read(struct thread *target, void *to, uintptr_t from, size_t size);
MUST_CHECK long platform_space_write(
	struct thread *target, uintptr_t to, const void *from, size_t size);
/* Remove all of the program's half. */
void platform_space_clear(void);

/* ---- Threads -----------------------------------------------------------------------------------
 */
/* The back end's part of a thread: stacks and bookkeeping. */
MUST_CHECK int platform_thread_prepare(struct thread *thread);
void platform_thread_dispose(struct thread *thread);
/* At boot: the calling host thread becomes @thread, in an empty address space, and from here on no
 * program can reach the host. */
MUST_CHECK int platform_boot_thread(struct thread *thread);
/* Start @child (its registers are in child->frame) in the caller's address space, in a copy of
 * it (@copy_space), or in a fresh empty one. Returns once the child exists for the host. */
enum platform_space_kind { PLATFORM_SPACE_SAME, PLATFORM_SPACE_COPY, PLATFORM_SPACE_NEW };
MUST_CHECK int platform_thread_start(struct thread *child, enum platform_space_kind space);
/* Continue the calling thread, from thread->start on, on a new stack in a fresh empty address
 * space; returns only on failure. Its old host thread ends, the old space lives on with its other
 * users. */
MUST_CHECK int platform_thread_move(struct thread *thread);
/* End the calling host thread. @last: it is the last of its address space, which goes too. When
 * the thread's stack is no longer in use *@done is set to 1 and woken. */
NORETURN void platform_thread_exit(bool last, uint32_t *done);
/* Make @target look at its pending work soon: it leaves program code or a blocking host call. */
void platform_thread_interrupt(struct thread *target);
/* The program's FS and GS segment bases of the calling thread. GS belongs to the LibOS on
 * simulation: setting it there is -EPERM. */
void platform_fs_base_set(uint64_t base);
uint64_t platform_fs_base(void);
/* Vector state of the calling thread in XSAVE format; size in bytes, 64-byte aligned buffers. */
size_t platform_vector_size(void);
void platform_vector_save(void *to);
MUST_CHECK int platform_vector_restore(
	const void *from);           /* -EINVAL: the processor would refuse it */
void platform_vector_reset(void);    /* as at exec */
uint64_t platform_vector_mask(void); /* XCR0's components that are saved */

/* ---- Sleeping ----------------------------------------------------------------------------------
 * @word lies in the region. Wait returns when *word != value, on a wake, when the calling thread
 * has pending work, or at @deadline_ns (monotonic; UINT64_MAX = never); spurious returns are
 * allowed. */
void platform_wait(uint32_t *word, uint32_t value, uint64_t deadline_ns);
void platform_wake(uint32_t *word, unsigned int count);
void platform_yield(void);
/* How late the calling thread may be woken, if the host obeys; > 0. Threads that it starts begin
 * with the same. */
void platform_timer_slack(uint64_t ns);

/* ---- Time and chance ---------------------------------------------------------------------------
 */
uint64_t platform_monotonic_ns(void); /* never goes back, whatever the host says */
uint64_t platform_realtime_ns(void);  /* the host's word, not trusted */
uint64_t platform_thread_cpu_ns(void);
/* Of the calling thread's space: most memory that it ever had, bytes; page faults it took; and what
 * of its CPU time was not in user mode, as the host says. */
void platform_space_peak(uint64_t *ret_bytes, uint64_t *ret_faults, uint64_t *ret_system_ns);
/* Of a thread in the caller's address space; 0 if it is gone or elsewhere. */
uint64_t platform_thread_cpu_ns_of(struct thread *thread);
/* Of all threads, gone ones too, that ever ran in @thread's address space. */
uint64_t platform_space_cpu_ns_of(struct thread *thread);
bool platform_thread_is_near(struct thread *thread); /* in the caller's address space */
void platform_random(void *to, size_t size);

/* Processors are numbered 0 … count - 1. */
unsigned int platform_cpu_count(void);
unsigned int platform_cpu_current(void); /* the one that runs the caller, or ran it just now */
/* Let @thread run on these processors only (bit i of word i / 64), if the host obeys. */
void platform_thread_affinity(struct thread *thread, const uint64_t *mask, size_t words);
/* Tells processors apart, cheaply, as long as the host says the truth; for no more than a guess. */
uint32_t platform_cpu_hint(void);
/* Does the processor number that programs can read themselves (RDPID, rseq(2)) mean the same? */
bool platform_cpus_are_host_cpus(void);
/* rseq(2) for the calling thread, which must undo it before its area is unmapped. -ENOSYS: nobody
 * here can keep the area current. */
MUST_CHECK int platform_rseq(uint64_t area, uint32_t size, uint32_t flags, uint32_t signature);
/* membarrier(2) in the caller's address space. */
MUST_CHECK long platform_membarrier(uint32_t command, uint32_t flags, uint32_t cpu);

/* ---- Host calls --------------------------------------------------------------------------------
 * Everything the host is asked for. Answers are range-checked here; the bytes remain the host's. */
MUST_CHECK long platform_host_read(
	int host_fd, void *to, size_t size); /* blocking, interruptible */
MUST_CHECK long platform_host_write(int host_fd, const void *from, size_t size);
MUST_CHECK long platform_host_pread(int host_fd, void *to, size_t size, uint64_t offset);
/* lseek(2) of a regular file: the new offset, never negative. */
MUST_CHECK long platform_host_seek(int host_fd, int64_t offset, int whence);

/* What lies behind a descriptor. @access: O_RDONLY, O_WRONLY or O_RDWR, and O_APPEND if set. */
enum platform_host_kind {
	PLATFORM_HOST_REGULAR,
	PLATFORM_HOST_PIPE,
	PLATFORM_HOST_SOCKET,
	PLATFORM_HOST_TERMINAL,
	PLATFORM_HOST_DEVICE, /* another character device, and whatever else */
};
struct platform_host_status {
	enum platform_host_kind kind;
	uint32_t access;
	uint64_t size; /* of a regular file */
};
MUST_CHECK int platform_host_status(int host_fd, struct platform_host_status *ret_status);

/* Sleep until a descriptor is ready: poll(2). Returns how many have @ready bits, only those that
 * @events asks for and POLLERR, POLLHUP; 0 at @deadline_ns (monotonic; 0 = do not sleep);
 * -EINTR: the calling thread has pending work, or platform_thread_interrupt was called for it since
 * its pending mark was last cleared. With 0 for the deadline never -EINTR. */
struct platform_host_poll {
	int32_t host_fd;
	uint16_t events, ready; /* POLL* */
};
MUST_CHECK long platform_host_poll(
	struct platform_host_poll *polls, size_t count, uint64_t deadline_ns);

/* A terminal's settings, the kernel's struct termios as bytes, and its window: rows, columns, width
 * and height in dots. @when: 0 now, 1 after output, 2 and drop input. -ENOTTY: not a terminal. */
struct platform_terminal {
	uint8_t bytes[36];
};
struct platform_window {
	uint16_t rows, columns, width, height;
};
MUST_CHECK int platform_host_terminal_get(int host_fd, struct platform_terminal *ret_terminal);
MUST_CHECK int platform_host_terminal_set(
	int host_fd, unsigned int when, const struct platform_terminal *terminal);
MUST_CHECK int platform_host_terminal_window(int host_fd, struct platform_window *ret_window);

/* ---- Sockets of the host -----------------------------------------------------------------------
 * TCP and UDP over IPv4 and IPv6. Ends are IPv6 addresses, IPv4 ones mapped (::ffff:a.b.c.d), and
 * ports in the processor's order. What comes from the host is checked to be such, and remains its
 * word. */
struct platform_host_endpoint {
	uint8_t address[16];
	uint16_t port;
};
/* A new IPv4 socket that does not block. */
MUST_CHECK int platform_host_socket(bool is_stream);
/* 0, -EINPROGRESS, or why not. */
MUST_CHECK int platform_host_connect(int host_fd, const struct platform_host_endpoint *to);
/* The next connection, a descriptor that blocks: -EAGAIN there is none (of a listening socket that
 * does not block). */
MUST_CHECK int platform_host_accept(int host_fd, struct platform_host_endpoint *ret_peer);
/* Interruptible. @flags: MSG_DONTWAIT, MSG_PEEK, MSG_OOB, MSG_MORE. @to, @ret_from: of datagrams;
 * may be NULL. Never SIGPIPE. */
MUST_CHECK long platform_host_send(int host_fd, const void *from, size_t size, uint32_t flags,
	const struct platform_host_endpoint *to);
MUST_CHECK long platform_host_receive(int host_fd, void *to, size_t size, uint32_t flags,
	struct platform_host_endpoint *ret_from);
/* @what: bit 0 receiving, bit 1 sending. */
MUST_CHECK int platform_host_shutdown(int host_fd, uint32_t what);
/* Options that are an int; SO_LINGER is its seconds, -1: off. */
MUST_CHECK int platform_host_option_set(int host_fd, int level, int option, int32_t value);
MUST_CHECK int platform_host_option_get(int host_fd, int level, int option, int32_t *ret_value);
/* Is it connected? 0, -ENOTCONN. */
MUST_CHECK int platform_host_is_connected(int host_fd);
/* Bytes that wait to be read, or to be sent. */
MUST_CHECK long platform_host_queued(int host_fd, bool is_sending);

/* Waiting for many descriptors at once: epoll(7). @events: EPOLL*; @token comes back with them. */
struct platform_host_event {
	uint32_t events;
	uint64_t token;
} __attribute__((packed));
MUST_CHECK int platform_host_epoll_new(void);
/* @op: EPOLL_CTL_*. */
MUST_CHECK int platform_host_epoll_control(
	int epoll_fd, int op, int host_fd, uint32_t events, uint64_t token);
/* How many events; 0 at @deadline_ns; -EINTR as of platform_host_poll. Bits that epoll does not
 * report are dropped; tokens are the host's word. */
MUST_CHECK long platform_host_epoll_wait(
	int epoll_fd, struct platform_host_event *events, size_t count, uint64_t deadline_ns);

/* ---- Directories of the host -------------------------------------------------------------------
 * What `-v` mounts. Names are single components: never empty, "." or "..", no '/', at most 255
 * bytes; those that come from the host are checked to be so. The host follows no symbolic link. All
 * but the contents is checked for being possible, and remains the host's word. */
struct platform_host_file {
	uint64_t device, number, rdev;
	uint32_t mode, link_count, uid, gid; /* a valid type */
	uint64_t size, blocks;               /* blocks of 512 bytes */
	int64_t atime_ns, mtime_ns, ctime_ns;
};
MUST_CHECK int platform_host_stat(int host_fd, struct platform_host_file *ret_file);
/* A descriptor for @name that leads to it and no more (O_PATH). */
MUST_CHECK int platform_host_lookup(int dir_fd, const char *name);
/* Open what @path_fd leads to, a directory or a regular file: O_RDONLY, O_WRONLY or O_RDWR. */
MUST_CHECK int platform_host_reopen(int path_fd, uint32_t access, bool is_directory);
void platform_host_close(int host_fd);
/* A regular file, a directory, a FIFO or (to @target) a symbolic link. -EEXIST */
MUST_CHECK int platform_host_make(int dir_fd, const char *name, uint32_t mode, const char *target);
MUST_CHECK int platform_host_link(int path_fd, int dir_fd, const char *name);
MUST_CHECK int platform_host_remove(int dir_fd, const char *name, bool is_directory);
MUST_CHECK int platform_host_rename(
	int old_dir_fd, const char *old_name, int new_dir_fd, const char *new_name, uint32_t flags);
/* The text of a symbolic link: its length, terminated, without a NUL in it. */
MUST_CHECK long platform_host_readlink(int path_fd, char *to, size_t size);
/* Each -errno of its own; UINT32_MAX leaves an owner or a group as it is. */
MUST_CHECK int platform_host_set_mode(int path_fd, uint32_t mode);
MUST_CHECK int platform_host_set_owner(int path_fd, uint32_t uid, uint32_t gid);
MUST_CHECK int platform_host_set_size(int path_fd, uint64_t size);
/* NULL: leave it. */
MUST_CHECK int platform_host_set_times(
	int path_fd, const int64_t *atime_ns, const int64_t *mtime_ns);
MUST_CHECK int platform_host_allocate(int host_fd, uint32_t mode, uint64_t offset, uint64_t size);
/* @append: at the end, wherever that is. */
MUST_CHECK long platform_host_pwrite(
	int host_fd, const void *from, size_t size, uint64_t offset, bool append);
MUST_CHECK int platform_host_sync(int host_fd, bool data_only);

struct platform_host_entry {
	uint64_t number;
	uint64_t next; /* where the listing goes on after it; never 0 */
	uint32_t type; /* DT_* */
	uint32_t length;
	char name[256];
};
/* Entries from @position on (0: the first), without "." and "..": how many, 0 at the end. */
MUST_CHECK long platform_host_list(
	int dir_fd, uint64_t position, struct platform_host_entry *entries, size_t count);
/* Whom the host takes the enclave for. */
void platform_host_user(uint32_t *ret_uid, uint32_t *ret_gid);

/* Signals that the host's user sent to the enclave (bit n-1 = signal n) since the last call, and
 * the word that the host changes and wakes when there is one. */
uint32_t platform_host_signals_take(void);
uint32_t *platform_doorbell(void);

/* Requests of the host to the running LibOS, and their answers (abi/mailbox.h): memory that the
 * host writes to at any time. After a change the host is to see it is told by platform_host_notify.
 */
struct mailbox;
struct mailbox *platform_mailbox(void);
void platform_host_notify(void);
/* What the host's own tools call that thread's process, for whoever debugs it; 0: nothing. */
int32_t platform_thread_host_process(const struct thread *thread);
/* Does the platform keep the host out of the enclave's memory? */
bool platform_is_protected(void);

/* ---- Attestation -------------------------------------------------------------------------------
 * What vouches for the enclave: "simulation"; NULL: nothing here does. Static text. */
const char *platform_attestation_type(void);
/* Evidence of this enclave (abi/evidence.md) that carries @report_data: its size. The bytes are
 * whoever's that makes it, unchecked. Interruptible; one call at a time. -EOPNOTSUPP: as above. */
#define PLATFORM_QUOTE_SIZE_MAX (16 + (32u << 10))
MUST_CHECK long platform_quote(const uint8_t report_data[64], uint8_t to[PLATFORM_QUOTE_SIZE_MAX]);

/* ---- Identity and life -------------------------------------------------------------------------
 */
NORETURN void platform_enclave_exit(int status);
NORETURN void platform_panic(const char *why);
/* A line for whoever runs the enclave (the host's standard error). */
void platform_log(const char *line, size_t length);
/* A line of the system-call trace. */
void platform_trace(const char *line, size_t length);

#endif
