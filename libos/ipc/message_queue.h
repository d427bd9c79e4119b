/* System V messages: msgget(2), msgop(2), msgctl(2). */
#ifndef LIBOS_IPC_MESSAGE_QUEUE_H
#define LIBOS_IPC_MESSAGE_QUEUE_H

#include "libos/ipc/object.h"

#define MESSAGE_QUEUES_MAX 32000  /* MSGMNI */
#define MESSAGE_SIZE_MAX 8192UL   /* MSGMAX */
#define MESSAGE_BYTES_MAX 16384UL /* MSGMNB: of a queue, unless a privileged process raised it */

extern struct ipc_table message_queue_table;

struct text;
struct computed_entry;
int message_queues_show(const struct computed_entry *entry, struct text *text);

#endif
