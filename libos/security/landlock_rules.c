#include "libos/security/landlock_rules.h"

#include <asm/errno.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/inode.h"

#define RULES_MAX 65536U /* of each kind, in one ruleset */
#define ROOM_FIRST 8U

/* Room for one element more in an array of @count with elements of @size bytes. */
static int make_room(void **array, uint32_t count, uint32_t *room, size_t size)
{
	uint32_t more = *room ? *room * 2 : ROOM_FIRST;
	void *larger;

	if (count < *room)
		return 0;
	if (count >= RULES_MAX)
		return -E2BIG;
	larger = heap_alloc(more * size);
	if (!larger)
		return -ENOMEM;
	if (count)
		memcpy(larger, *array, count * size);
	heap_free(*array);
	*array = larger;
	*room = more;
	return 0;
}

/* ---- Files ---- */

/* The first rule with that inode number, or where it would be. */
static uint32_t find_number(const struct landlock_rules *rules, uint64_t number)
{
	uint32_t low = 0, high = rules->file_count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (rules->file_rules[middle].inode->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct landlock_file_rule *find_file(
	const struct landlock_rules *rules, const struct inode *inode)
{
	for (uint32_t i = find_number(rules, inode->number); i < rules->file_count; i++) {
		struct landlock_file_rule *rule = &rules->file_rules[i];

		if (rule->inode->number != inode->number)
			break;
		if (inode_is_same(rule->inode, inode))
			return rule;
	}
	return NULL;
}

int landlock_rules_add_file(struct landlock_rules *rules, struct inode *inode, uint32_t access)
{
	struct landlock_file_rule *rule = find_file(rules, inode);
	uint32_t at;
	int r;

	if (rule) {
		rule->access |= access;
		return 0;
	}
	r = make_room(
		(void **)&rules->file_rules, rules->file_count, &rules->file_room, sizeof(*rule));
	if (r)
		return r;
	at = find_number(rules, inode->number);
	rule = &rules->file_rules[at];
	memmove(rule + 1, rule, (rules->file_count - at) * sizeof(*rule));
	*rule = (struct landlock_file_rule){inode_ref(inode), access};
	rules->file_count++;
	return 0;
}

uint32_t landlock_rules_of_file(const struct landlock_rules *rules, const struct inode *inode)
{
	const struct landlock_file_rule *rule = find_file(rules, inode);

	return rule ? rule->access : 0;
}

/* ---- Ports ---- */

static uint32_t find_port(const struct landlock_rules *rules, uint16_t port)
{
	uint32_t low = 0, high = rules->port_count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (rules->port_rules[middle].port < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int landlock_rules_add_port(struct landlock_rules *rules, uint16_t port, uint32_t access)
{
	uint32_t at = find_port(rules, port);
	struct landlock_port_rule *rule;
	int r;

	if (at < rules->port_count && rules->port_rules[at].port == port) {
		rules->port_rules[at].access |= (uint16_t)access;
		return 0;
	}
	r = make_room(
		(void **)&rules->port_rules, rules->port_count, &rules->port_room, sizeof(*rule));
	if (r)
		return r;
	rule = &rules->port_rules[at];
	memmove(rule + 1, rule, (rules->port_count - at) * sizeof(*rule));
	*rule = (struct landlock_port_rule){port, (uint16_t)access};
	rules->port_count++;
	return 0;
}

uint32_t landlock_rules_of_port(const struct landlock_rules *rules, uint16_t port)
{
	uint32_t at = find_port(rules, port);

	return at < rules->port_count && rules->port_rules[at].port == port
		       ? rules->port_rules[at].access
		       : 0;
}

/* ---- All of them ---- */

int landlock_rules_copy(struct landlock_rules *to, const struct landlock_rules *from)
{
	size_t files = from->file_count * sizeof(*from->file_rules);
	size_t ports = from->port_count * sizeof(*from->port_rules);

	*to = (struct landlock_rules){
		.files = from->files, .ports = from->ports, .scopes = from->scopes};
	to->file_rules = files ? heap_alloc(files) : NULL;
	to->port_rules = ports ? heap_alloc(ports) : NULL;
	if ((files && !to->file_rules) || (ports && !to->port_rules)) {
		landlock_rules_done(to);
		return -ENOMEM;
	}
	if (files)
		memcpy(to->file_rules, from->file_rules, files);
	if (ports)
		memcpy(to->port_rules, from->port_rules, ports);
	for (uint32_t i = 0; i < from->file_count; i++)
		inode_ref(from->file_rules[i].inode);
	to->file_count = to->file_room = from->file_count;
	to->port_count = to->port_room = from->port_count;
	return 0;
}

void landlock_rules_done(struct landlock_rules *rules)
{
	for (uint32_t i = 0; i < rules->file_count; i++)
		inode_unref(rules->file_rules[i].inode);
	heap_free(rules->file_rules);
	heap_free(rules->port_rules);
	*rules = (struct landlock_rules){0};
}
