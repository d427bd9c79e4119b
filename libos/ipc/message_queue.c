#include "libos/ipc/message_queue.h"

#include <asm/errno.h>
#include <asm/msgbuf.h>

#include "base/list.h"
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/core/wait.h"
#include "libos/files/computed.h"
#include "libos/ipc/object.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"

#define CAP_SYS_RESOURCE 24

/* <linux/msg.h> */
#define MSG_NOERROR 010000U
#define MSG_EXCEPT 020000U
#define MSG_COPY 040000U
#define MSG_STAT 11
#define MSG_INFO 12
#define MSG_STAT_ANY 13

struct message {
	struct list link;
	int64_t type;
	uint64_t size;
	uint8_t bytes[];
};

struct message_queue {
	struct ipc_object object; /* first */
	int32_t reference_count;  /* the table's, and one of each call that sleeps */
	bool is_removed;
	struct list messages; /* first come first */
	uint64_t count, bytes, bytes_max;
	int64_t sent_s, received_s, changed_s;
	int32_t last_sender, last_receiver;
	struct wait_queue senders, receivers;
};

struct msginfo {
	int32_t msgpool, msgmap, msgmax, msgmnb, msgmni, msgssz, msgtql;
	uint16_t msgseg;
};

struct ipc_table message_queue_table = {.limit = MESSAGE_QUEUES_MAX, .next_id = -1};
static uint64_t messages_total, bytes_total; /* under its lock */

static struct message_queue *queue_of(struct ipc_object *object)
{
	return CONTAINER_OF(object, struct message_queue, object);
}

/* (locked) */
static void queue_unref(struct message_queue *queue)
{
	if (!--queue->reference_count)
		heap_free(queue);
}

/* (locked) */
static long queue_add(int32_t key, uint32_t flags)
{
	struct message_queue *queue = heap_alloc(sizeof(*queue));
	int r;

	if (!queue)
		return -ENOMEM;
	r = ipc_add(&message_queue_table, &queue->object, key, flags);
	if (r) {
		heap_free(queue);
		return r;
	}
	queue->reference_count = 1;
	queue->bytes_max = MESSAGE_BYTES_MAX;
	queue->changed_s = ipc_now();
	list_init(&queue->messages);
	wait_queue_init(&queue->senders);
	wait_queue_init(&queue->receivers);
	return queue->object.id;
}

long sys_msgget(struct thread *thread, const struct syscall_args *args)
{
	uint32_t flags = (uint32_t)args->b;
	struct ipc_object *object;
	int r;

	(void)thread;
	LOCK_SCOPE(&message_queue_table.lock);
	r = ipc_find_key(&message_queue_table, (int32_t)args->a, flags, &object);
	if (r > 0)
		return queue_add((int32_t)args->a, flags);
	if (!r)
		r = ipc_object_permit(object, flags & IPC_PERMISSIONS);
	return r ? r : object->id;
}

/* Sleep until @woken is, with the table unlocked; the queue may be removed meanwhile: -EIDRM. */
static int queue_sleep(struct message_queue *queue, struct wait_queue *woken)
{
	struct waiter waiter;
	int r;

	queue->reference_count++;
	waiter_init(&waiter);
	wait_add(woken, &waiter);
	lock_release(&message_queue_table.lock);
	r = wait_sleep(WAIT_FOREVER);
	lock_acquire(&message_queue_table.lock);
	wait_remove(&waiter);
	if (queue->is_removed)
		r = -EIDRM;
	queue_unref(queue);
	return r == -EINTR ? -ERESTARTNOHAND : r;
}

static int queue_find(int32_t id, uint32_t wanted, struct message_queue **ret_queue)
{
	struct ipc_object *object;
	int r = id < 0 ? -EINVAL : ipc_find(&message_queue_table, id, &object);

	if (!r)
		r = ipc_object_permit(object, wanted);
	if (!r)
		*ret_queue = queue_of(object);
	return r;
}

/* ---- msgsnd ---- */

static bool has_room(const struct message_queue *queue, uint64_t size)
{
	return size + queue->bytes <= queue->bytes_max && queue->count + 1 <= queue->bytes_max;
}

/* (locked) The message is taken over on success. */
static int send(int32_t id, struct message *message, uint32_t flags)
{
	struct message_queue *queue;
	int r = queue_find(id, IPC_WRITE, &queue);

	while (!r && !has_room(queue, message->size)) {
		if (flags & IPC_NOWAIT)
			return -EAGAIN;
		r = queue_sleep(queue, &queue->senders);
		if (!r)
			r = ipc_object_permit(&queue->object, IPC_WRITE);
	}
	if (r)
		return r;
	list_add_tail(&queue->messages, &message->link);
	queue->count++;
	queue->bytes += message->size;
	messages_total++;
	bytes_total += message->size;
	queue->last_sender = thread_current()->process->pid;
	queue->sent_s = ipc_now();
	wait_wake(&queue->receivers, 0);
	return 0;
}

long sys_msgsnd(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(heap_freep) struct message *message = NULL;
	uint64_t size = args->c;
	int64_t type;
	int r;

	(void)thread;
	if (USER_GET(&type, args->b))
		return -EFAULT;
	if (size > MESSAGE_SIZE_MAX || (int32_t)args->a < 0 || type < 1)
		return -EINVAL;
	message = heap_alloc(sizeof(*message) + size);
	if (!message)
		return -ENOMEM;
	message->type = type;
	message->size = size;
	if (user_read(message->bytes, args->b + sizeof(type), size))
		return -EFAULT;
	LOCK_SCOPE(&message_queue_table.lock);
	r = send((int32_t)args->a, message, (uint32_t)args->d);
	if (!r)
		message = NULL;
	return r;
}

/* ---- msgrcv ---- */

/* What a receiver wants: msgop(2). */
struct wish {
	int64_t type;
	uint64_t size_max;
	uint32_t flags;
};

static bool is_wanted(const struct message *message, const struct wish *wish)
{
	if (wish->type > 0)
		return !(wish->flags & MSG_EXCEPT) == (message->type == wish->type);
	/* The least one of a negative: anything that is not more than its amount. */
	return !wish->type || wish->type == INT64_MIN || message->type <= -wish->type;
}

static struct message *find_message(const struct message_queue *queue, const struct wish *wish)
{
	struct message *message, *found = NULL;
	int64_t place = 0;

	LIST_FOR_EACH (message, &queue->messages, link) {
		if (wish->flags & MSG_COPY) {
			if (place++ == wish->type)
				return message;
			continue;
		}
		if (!is_wanted(message, wish))
			continue;
		if (wish->type >= 0)
			return message;
		if (!found || message->type < found->type)
			found = message;
	}
	return found;
}

static void take_out(struct message_queue *queue, struct message *message)
{
	list_remove(&message->link);
	queue->count--;
	queue->bytes -= message->size;
	messages_total--;
	bytes_total -= message->size;
	queue->last_receiver = thread_current()->process->pid;
	queue->received_s = ipc_now();
	wait_wake(&queue->senders, 0);
}

static int copy_message(const struct message *from, struct message **ret_message)
{
	struct message *message = heap_alloc(sizeof(*message) + from->size);

	if (!message)
		return -ENOMEM;
	message->type = from->type;
	message->size = from->size;
	memcpy(message->bytes, from->bytes, from->size);
	*ret_message = message;
	return 0;
}

/* (locked) */
static int receive(int32_t id, const struct wish *wish, struct message **ret_message)
{
	struct message_queue *queue;
	struct message *message = NULL;
	int r = queue_find(id, IPC_READ, &queue);

	while (!r) {
		message = find_message(queue, wish);
		if (message)
			break;
		if (wish->flags & IPC_NOWAIT)
			return -ENOMSG;
		r = queue_sleep(queue, &queue->receivers);
		if (!r)
			r = ipc_object_permit(&queue->object, IPC_READ);
	}
	if (r)
		return r;
	if (message->size > wish->size_max && !(wish->flags & MSG_NOERROR))
		return -E2BIG;
	if (wish->flags & MSG_COPY)
		return copy_message(message, ret_message);
	take_out(queue, message);
	*ret_message = message;
	return 0;
}

long sys_msgrcv(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(heap_freep) struct message *message = NULL;
	struct wish wish = {
		.type = (int64_t)args->d, .size_max = args->c, .flags = (uint32_t)args->e};
	int r;

	(void)thread;
	if ((int32_t)args->a < 0 || (int64_t)args->c < 0)
		return -EINVAL;
	if (wish.flags & MSG_COPY && (wish.flags & MSG_EXCEPT || !(wish.flags & IPC_NOWAIT)))
		return -EINVAL;
	lock_acquire(&message_queue_table.lock);
	r = receive((int32_t)args->a, &wish, &message);
	lock_release(&message_queue_table.lock);
	if (r)
		return r;
	wish.size_max = MIN(wish.size_max, message->size);
	if (USER_PUT(args->b, message->type) ||
		user_write(args->b + sizeof(message->type), message->bytes, wish.size_max))
		return -EFAULT;
	return (long)wish.size_max;
}

/* ---- msgctl ---- */

static long info_show(bool usage, uint64_t to)
{
	struct msginfo info = {
		.msgpool = (int32_t)(MESSAGE_QUEUES_MAX * MESSAGE_BYTES_MAX / 1024),
		.msgmap = MESSAGE_BYTES_MAX,
		.msgmax = MESSAGE_SIZE_MAX,
		.msgmnb = MESSAGE_BYTES_MAX,
		.msgmni = message_queue_table.limit,
		.msgssz = 16,
		.msgtql = MESSAGE_BYTES_MAX,
		.msgseg = 0xffff,
	};
	int32_t highest;

	lock_acquire(&message_queue_table.lock);
	if (usage) {
		info.msgpool = (int32_t)message_queue_table.count;
		info.msgmap = (int32_t)messages_total;
		info.msgtql = (int32_t)bytes_total;
	}
	highest = ipc_highest_index(&message_queue_table);
	lock_release(&message_queue_table.lock);
	return user_write(to, &info, sizeof(info)) ? -EFAULT : highest;
}

static void queue_status(struct message_queue *queue, struct msqid64_ds *ret_status)
{
	ipc_object_show(&queue->object, &ret_status->msg_perm);
	ret_status->msg_stime = queue->sent_s;
	ret_status->msg_rtime = queue->received_s;
	ret_status->msg_ctime = queue->changed_s;
	ret_status->msg_cbytes = queue->bytes;
	ret_status->msg_qnum = queue->count;
	ret_status->msg_qbytes = queue->bytes_max;
	ret_status->msg_lspid = queue->last_sender;
	ret_status->msg_lrpid = queue->last_receiver;
}

static long queue_stat(int32_t id, enum ipc_by by, uint64_t to)
{
	struct msqid64_ds status = {0};
	struct ipc_object *object;
	int r;

	lock_acquire(&message_queue_table.lock);
	r = ipc_find_readable(&message_queue_table, id, by, &object);
	if (!r) {
		queue_status(queue_of(object), &status);
		r = by == IPC_BY_ID ? 0 : object->id;
	}
	lock_release(&message_queue_table.lock);
	return r < 0 || !user_write(to, &status, sizeof(status)) ? r : -EFAULT;
}

static long queue_set(int32_t id, uint64_t from)
{
	struct ipc_object *object;
	struct message_queue *queue;
	struct msqid64_ds status;
	int r;

	if (USER_GET(&status, from))
		return -EFAULT;
	LOCK_SCOPE(&message_queue_table.lock);
	r = ipc_find(&message_queue_table, id, &object);
	if (!r)
		r = ipc_object_own(object);
	if (!r && status.msg_qbytes > MESSAGE_BYTES_MAX &&
		!credentials_can(&thread_current()->credentials, CAP_SYS_RESOURCE))
		r = -EPERM;
	if (r)
		return r;
	queue = queue_of(object);
	ipc_object_set(object, &status.msg_perm);
	queue->bytes_max = status.msg_qbytes;
	queue->changed_s = ipc_now();
	/* There may be room now, and others may be allowed to, or no longer. */
	wait_wake(&queue->senders, 0);
	wait_wake(&queue->receivers, 0);
	return 0;
}

static long queue_remove(int32_t id)
{
	struct message *message, *next;
	struct ipc_object *object;
	struct message_queue *queue;
	int r;

	LOCK_SCOPE(&message_queue_table.lock);
	r = ipc_find(&message_queue_table, id, &object);
	if (!r)
		r = ipc_object_own(object);
	if (r)
		return r;
	queue = queue_of(object);
	ipc_remove(&message_queue_table, object);
	messages_total -= queue->count;
	bytes_total -= queue->bytes;
	LIST_FOR_EACH_SAFE (message, next, &queue->messages, link) {
		list_remove(&message->link);
		heap_free(message);
	}
	queue->is_removed = true;
	wait_wake(&queue->senders, 0);
	wait_wake(&queue->receivers, 0);
	queue_unref(queue);
	return 0;
}

long sys_msgctl(struct thread *thread, const struct syscall_args *args)
{
	int32_t id = (int32_t)args->a, command = (int32_t)args->b;

	(void)thread;
	if (id < 0 || command < 0)
		return -EINVAL;
	switch (command) {
	case IPC_INFO:
	case MSG_INFO:
		return info_show(command == MSG_INFO, args->c);
	case IPC_STAT:
		return queue_stat(id, IPC_BY_ID, args->c);
	case MSG_STAT:
		return queue_stat(id, IPC_BY_INDEX, args->c);
	case MSG_STAT_ANY:
		return queue_stat(id, IPC_BY_INDEX_ANY, args->c);
	case IPC_SET:
		return queue_set(id, args->c);
	case IPC_RMID:
		return queue_remove(id);
	default:
		return -EINVAL;
	}
}

/* ---- /proc/sysvipc/msg ---- */

int message_queues_show(const struct computed_entry *entry, struct text *text)
{
	(void)entry;
	text_put(text,
		"       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  "
		"cuid  cgid      stime      rtime      ctime\n");
	LOCK_SCOPE(&message_queue_table.lock);
	for (uint32_t i = 0; i < message_queue_table.capacity; i++) {
		struct ipc_object *o = message_queue_table.objects[i];
		const struct message_queue *q;

		if (!o)
			continue;
		q = queue_of(o);
		text_put(text,
			"%10d %10d  %4o  %10lu %10lu %5u %5u %5u %5u %5u %5u %10lu %10lu %10lu\n",
			o->key, o->id, o->mode, q->bytes, q->count, (uint32_t)q->last_sender,
			(uint32_t)q->last_receiver, o->uid, o->gid, o->cuid, o->cgid,
			(uint64_t)q->sent_s, (uint64_t)q->received_s, (uint64_t)q->changed_s);
	}
	return 0;
}
