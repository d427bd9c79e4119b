/* What the host hands to a LibOS that starts on the simulation platform, and what it may read back.
 * The page lies in the shared region; the host writes it before the start, so the LibOS copies it
 * once, checks the copy and uses the copy; only `live` is shared afterwards. */
#ifndef ABI_LAUNCH_H
#define ABI_LAUNCH_H

#include <stdint.h>

#define LAUNCH_MAGIC 0x31484e554c4d5343UL /* "CSMLUNH1" */
#define LAUNCH_VECTOR_SIZE (256 * 1024)   /* bytes of strings in one launch */
#define LAUNCH_MOUNT_COUNT_MAX 32
#define LAUNCH_PORT_COUNT_MAX 64
#define LAUNCH_NAME_COUNT_MAX 64

enum launch_flags {
	LAUNCH_TRACE = 1,    /* print system calls to trace_fd */
	LAUNCH_HAS_ARGS = 2, /* arguments were given: argument_count of them, the program first */
	LAUNCH_HAS_WORKDIR = 4,       /* working_directory is set */
	LAUNCH_STATS = 8,             /* count them, and print that to trace_fd at the end */
	LAUNCH_HAS_TRACE_FILTER = 16, /* trace_filter is set */
	LAUNCH_TERMINAL = 32,         /* a terminal inside, shown at descriptor 1, */
	LAUNCH_TERMINAL_INPUT = 64,   /* and typed at at descriptor 0 */
};

/* What both sides change while the enclave lives. */
struct launch_live {
	uint32_t doorbell;     /* futex: the host rings after it set a bit below */
	uint32_t host_signals; /* bit n-1: the host asks that signal n be sent to process 1 */
	uint32_t done;         /* the enclave has ended: exit_status is valid */
	int32_t exit_status;   /* as from wait(2) of process 1, or 125 << 8 */
};

struct launch_mount {
	uint32_t target; /* offset into strings */
	int32_t fd;      /* open host directory */
	uint32_t read_only;
	uint32_t reserved;
};

struct launch_port {
	uint16_t port; /* inside; the host's is of no interest there */
	uint16_t is_udp;
	int32_t fd; /* bound, and listening if TCP; does not block */
};

struct launch {
	uint64_t magic;
	uint64_t size;        /* sizeof(struct launch) */
	uint64_t region_free; /* first address of the region not used by the LibOS's segments */
	uint64_t image_size;  /* bytes */
	uint64_t mailbox;     /* address of a struct mailbox below region_free (abi/mailbox.h) */
	int32_t region_fd;    /* memfd of the region */
	int32_t image_fd;
	int32_t log_fd;
	int32_t trace_fd;
	int32_t notify_fd;  /* eventfd: written to when the mailbox has news; -1: nobody looks */
	int32_t quoting_fd; /* who makes evidence (abi/quoting.h); -1: nobody */
	int32_t launcher_pid;
	uint32_t cpu_count;
	uint32_t flags;
	int32_t log_level;
	uint8_t image_digest[32]; /* what the SIGSTRUCT that the launcher verified names */
	uint32_t argument_count;
	uint32_t environment_count;
	uint32_t working_directory; /* offset into strings */
	uint32_t mount_count;
	uint32_t trace_filter;      /* offset into strings; libos/syscalls/trace_filter.h */
	uint32_t trace_string_size; /* bytes of a string that are shown; 0: the usual */
	struct launch_mount mounts[LAUNCH_MOUNT_COUNT_MAX];
	uint32_t port_count;
	struct launch_port ports[LAUNCH_PORT_COUNT_MAX];
	uint32_t resolver; /* the host's name server, IPv4, in the processor's order; 0: none */
	uint32_t name_count;
	uint32_t names[LAUNCH_NAME_COUNT_MAX]; /* NAME:ADDRESS or NAME:host-gateway, in strings */
	struct launch_live live;
	uint32_t strings_size;
	char strings[LAUNCH_VECTOR_SIZE]; /* arguments, then environment, each NUL-terminated */
};

#endif
