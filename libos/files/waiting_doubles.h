/* What the unit tests of pipes, polls, epolls and locks stand on instead of a platform and a file
 * system: memory of malloc (so that the sanitizers see it), one thread, scripted sleeps. */
#ifndef LIBOS_FILES_WAITING_DOUBLES_H
#define LIBOS_FILES_WAITING_DOUBLES_H

#include <sys/stat.h>

#include "libos/files/file.h"
#include "libos/files/inode.h"
#include "libos/processes/process.h"

extern struct process double_process, double_other_process;
extern struct thread double_thread, double_other_thread;

/* Called instead of sleeping, to be what happens meanwhile. NULL: a signal comes. */
extern void (*double_on_sleep)(void);
extern unsigned int double_sleeps, double_wakes;
extern bool double_signal_pending;
extern int double_last_signal;
extern uint64_t double_now_ns;
/* Descriptors of the host that are ready, one bit each; what a read of one gives. */
extern uint32_t double_host_ready;
extern const char *double_host_input;
extern char double_host_output[256];
extern unsigned int double_host_polls;

/* One that waits to be dequeued by the first process. */
void double_signal_arrives(const struct signal_info *info);

void double_init(void);
/* The calling thread from now on. */
void double_become(struct thread *thread);
void double_fd_set(int fd, struct file *file); /* takes the reference */
/* A regular file: no poll op. */
struct file *double_regular_file(void);

/* Through the file's ops, as read(2) and write(2) call them. */
long double_read(struct file *file, void *to, size_t size);
long double_write(struct file *file, const void *from, size_t size);

#endif
