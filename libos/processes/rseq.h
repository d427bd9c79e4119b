/* Restartable sequences: rseq(2). */
#ifndef LIBOS_PROCESSES_RSEQ_H
#define LIBOS_PROCESSES_RSEQ_H

struct thread;

/* The thread ends or executes another program: its area may go. */
void rseq_exit(struct thread *thread);

#endif
