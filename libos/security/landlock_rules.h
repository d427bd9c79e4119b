/* The rules of a ruleset or of a domain: what is denied but for what they grant. */
#ifndef LIBOS_SECURITY_LANDLOCK_RULES_H
#define LIBOS_SECURITY_LANDLOCK_RULES_H

#include "base/compiler.h"

struct inode;

struct landlock_file_rule {
	struct inode *inode; /* referenced: a file, or a directory and all below it */
	uint32_t access;     /* enum landlock_file_right */
};

struct landlock_port_rule {
	uint16_t port;
	uint16_t access; /* enum landlock_port_right */
};

struct landlock_rules {
	uint32_t files, ports, scopes;         /* which rights they are about */
	struct landlock_file_rule *file_rules; /* heap, by inode number */
	struct landlock_port_rule *port_rules; /* heap, by port */
	uint32_t file_count, port_count;
	uint32_t file_room, port_room; /* elements of those arrays */
};

/* Grant @access, beside what other rules for the same do. -ENOMEM; -E2BIG: there are too many. */
MUST_CHECK int landlock_rules_add_file(
	struct landlock_rules *rules, struct inode *inode, uint32_t access);
MUST_CHECK int landlock_rules_add_port(
	struct landlock_rules *rules, uint16_t port, uint32_t access);
/* What the rule for exactly that grants: 0 without one. */
uint32_t landlock_rules_of_file(const struct landlock_rules *rules, const struct inode *inode);
uint32_t landlock_rules_of_port(const struct landlock_rules *rules, uint16_t port);

/* *to, which is empty, becomes the same. -ENOMEM */
MUST_CHECK int landlock_rules_copy(struct landlock_rules *to, const struct landlock_rules *from);
/* No lock may be held: inodes may go. */
void landlock_rules_done(struct landlock_rules *rules);

#endif
