/* The untrusted half of an enclave on simulation: lays out the shared region, loads the LibOS into
 * it, starts the first host process and waits for the last. */
#ifndef HOST_ENCLAVE_H
#define HOST_ENCLAVE_H

#include "host/control.h"
#include "host/ports.h"
#include "host/quoting.h"
#include "image/image.h"

struct enclave_mount {
	const char *target; /* absolute path inside */
	int fd;             /* open directory of the host; stays the caller's */
	bool read_only;
};

struct enclave_options {
	char *const *arguments;   /* the program first, or arguments of Entrypoint */
	size_t argument_count;    /* 0: the image's Cmd */
	char *const *environment; /* NAME=value, besides the image's own */
	size_t environment_count;
	const char *working_directory; /* NULL: the image's */
	const struct enclave_mount *mounts;
	size_t mount_count;
	const struct enclave_port *ports;
	size_t port_count;
	const char *const *names; /* NAME:ADDRESS or NAME:host-gateway, for /etc/hosts */
	size_t name_count;
	bool has_terminal; /* the program gets a terminal of its own, shown at standard output */
	bool has_input; /* and typed at at standard input, a terminal that is made raw meanwhile */
	int trace_fd;   /* where calls are printed; -1: nowhere */
	bool trace, stats;          /* print each of them; a summary at the end */
	const char *trace_filter;   /* NULL: all; else as libos/syscalls/trace_filter.h has it */
	uint32_t trace_string_size; /* bytes of a string that are shown; 0: the usual */
	int log_level;              /* 0 errors … 3 debug */
	int log_fd;                 /* where the LibOS's own words go */
	quoting_start_fn *quoting_start;       /* has evidence made; NULL: there is none */
	const struct control_options *control; /* NULL: nobody asks, and nothing is kept */
};

/* Run @image to its end. *ret_status: as docker's (the program's; 128 + signal; 125 the LibOS
 * refused, and has said why). Signals that ask the caller to end are passed on to process 1
 * meanwhile. Nothing of the enclave outlives the calling process, however that ends. */
MUST_CHECK int enclave_run(const struct image *image, const struct enclave_options *options,
	int *ret_status, struct image_error *error);

#endif
