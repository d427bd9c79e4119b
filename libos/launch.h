/* A program that the host asks for, at the start of the enclave or later: what of the request the
 * image's configuration allows, and what a process begins with. */
#ifndef LIBOS_LAUNCH_H
#define LIBOS_LAUNCH_H

#include "libos/image/config.h"
#include "libos/processes/process.h"

#define LAUNCH_STATUS_REFUSED 125 /* as docker: the runtime's own failure */
#define LAUNCH_STATUS_NOT_EXECUTABLE 126
#define LAUNCH_STATUS_NOT_FOUND 127

/* What the host asks for. The strings are a copy of its memory, not looked at yet: arguments, then
 * environment, each NUL-terminated. */
struct launch_wish {
	const char *strings;
	uint32_t strings_size;
	uint32_t argument_count, environment_count;
	bool has_arguments;
	bool has_terminal; /* the program will have one */
	bool is_later; /* beside the first program: what it is must be named, "Entrypoint" is not it
			*/
};

/* Why not, for the user: the exit status, and a line without its end. */
struct launch_refusal {
	int status;
	char text[256];
};

/* Fill in @refusal; -EPERM. */
int launch_refuse(struct launch_refusal *refusal, int status, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* The string at @*at of @strings, and move @*at behind it; NULL: it does not end within @size. */
const char *launch_string(const char *strings, uint32_t size, uint32_t *at);

/* Check the wish against the configuration: the vectors of the program (strings of the heap), or
 * -EPERM and why not. The vectors are written on success only. */
MUST_CHECK int launch_choose(const struct config *config, const struct launch_wish *wish,
	struct exec_vector *ret_arguments, struct exec_vector *ret_environment,
	struct launch_refusal *refusal);

/* Turn the calling process into the program, found in PATH as execvp(3) finds it. The strings are
 * taken over whatever comes of it. -EPERM and why not. */
MUST_CHECK int launch_program(struct thread *thread, struct exec_vector *arguments,
	struct exec_vector *environment, struct launch_refusal *refusal);

/* As a container's first process: root has the usual capabilities of one, others none. */
void launch_credentials(struct credentials *credentials, uint32_t uid, uint32_t gid);
void launch_limits(const struct config *config, struct process *process);

#endif
