/* A circular doubly linked list, the links inside the element (as in the kernel). */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/compiler.h"

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(name)                                                                            \
	{                                                                                          \
		&(name), &(name)                                                                   \
	}

static inline void list_init(struct list *list)
{
	list->next = list->prev = list;
}

static inline bool list_is_empty(const struct list *list)
{
	return list->next == list;
}

static inline void list_insert_between(struct list *item, struct list *prev, struct list *next)
{
	item->prev = prev;
	item->next = next;
	prev->next = item;
	next->prev = item;
}

static inline void list_add(struct list *head, struct list *item)
{
	list_insert_between(item, head, head->next);
}

static inline void list_add_tail(struct list *head, struct list *item)
{
	list_insert_between(item, head->prev, head);
}

/* Leaves the item pointing at itself, so that removing twice is harmless. */
static inline void list_remove(struct list *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	list_init(item);
}

/* Move all of @from to the end of @to; @from is empty afterwards. */
static inline void list_splice_tail(struct list *to, struct list *from)
{
	if (list_is_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define LIST_ENTRY(item, type, member) CONTAINER_OF(item, type, member)
#define LIST_FIRST(head, type, member) LIST_ENTRY((head)->next, type, member)

#define LIST_FOR_EACH(pos, head, member)                                                           \
	for (pos = LIST_ENTRY((head)->next, __typeof__(*pos), member); &pos->member != (head);     \
		pos = LIST_ENTRY(pos->member.next, __typeof__(*pos), member))

/* As above; @pos may be removed, @tmp is the next one. */
#define LIST_FOR_EACH_SAFE(pos, tmp, head, member)                                                 \
	for (pos = LIST_ENTRY((head)->next, __typeof__(*pos), member),                             \
	    tmp = LIST_ENTRY(pos->member.next, __typeof__(*pos), member);                          \
		&pos->member != (head);                                                            \
		pos = tmp, tmp = LIST_ENTRY(tmp->member.next, __typeof__(*tmp), member))

#endif
