/* File systems whose content is computed when it is looked at: /proc, /sys.
 *
 * The tree is constant data, struct computed_node; where names depend on what is running, a node's
 * @dynamic finds and lists them. What a node stands for is in its key, which children inherit. Each
 * lookup makes a fresh dentry and inode, so nothing has to be told when a process goes. */
#ifndef LIBOS_FILES_COMPUTED_H
#define LIBOS_FILES_COMPUTED_H

#include "libos/files/changes.h"
#include "libos/files/dentry.h"
#include "libos/files/text.h"

#define COMPUTED_NAME_SIZE 32

struct computed_key {
	int32_t tid;       /* of a process (any of its threads) or of a task */
	int32_t pid;       /* its process */
	bool is_task;      /* what one thread does, and not all of them */
	uint32_t uid, gid; /* owner of what is shown; 0 for the system */
	uint64_t start_ns; /* of the process: numbers are used again */
	uint32_t number;   /* descriptor, processor, … */
};

struct computed_node;

struct computed_entry {
	const struct computed_node *node;
	struct computed_key key;
	uint32_t mode; /* 0: the node's */
};

/* Names that are not constant. */
struct computed_dynamic {
	int (*find)(const struct computed_entry *dir, const char *name, uint32_t length,
		struct computed_entry *ret_entry);
	/* The first entry at a position >= *at, which is set to its position; its name. -ENOENT:
	 * no more. */
	int (*next)(const struct computed_entry *dir, uint64_t *at, char name[COMPUTED_NAME_SIZE],
		struct computed_entry *ret_entry);
};

struct computed_node {
	const char *name;
	uint32_t mode;

	/* Regular files. show: the whole content. store: -errno refuses the text (terminated, too);
	 * without it they cannot be opened for writing. */
	int (*show)(const struct computed_entry *entry, struct text *text);
	int (*store)(const struct computed_entry *entry, const char *text, size_t size);
	/* May the calling thread open it, beyond what the mode says? NULL: yes */
	int (*permit)(const struct computed_entry *entry);
	/* ioctl(2). NULL: none */
	long (*ioctl)(const struct computed_entry *entry, uint32_t request, uint64_t argument);
	struct changes *changes; /* it can be polled for these. NULL: it can't be polled */

	/* Symbolic links: the text's length, terminated, or -errno. @target: a constant text. */
	long (*readlink)(const struct computed_entry *entry, char *to, size_t size);
	int (*follow)(const struct computed_entry *entry, struct dentry **ret_entry);
	const char *target;

	/* Directories. */
	const struct computed_node *children;
	size_t child_count;
	const struct computed_dynamic *dynamic;

	const struct computed_setting *setting; /* for computed_show_setting and store */

	bool is_own;      /* belongs to whoever looks at its own process */
	uint64_t number;  /* for show: which of several like it */
	const char *text; /* the same */
};

#define NODE_DIRECTORY(directory_name, directory_children)                                         \
	{                                                                                          \
		.name = (directory_name), .mode = S_IFDIR | 0555,                                  \
		.children = (directory_children), .child_count = ARRAY_SIZE(directory_children)    \
	}
#define NODE_FILE(file_name, file_show)                                                            \
	{                                                                                          \
		.name = (file_name), .mode = S_IFREG | 0444, .show = (file_show)                   \
	}
#define NODE_LINK(link_name, link_target)                                                          \
	{                                                                                          \
		.name = (link_name), .mode = S_IFLNK | 0777, .target = (link_target)               \
	}
/* Files with a constant content: a number or a text, and a newline. */
#define NODE_NUMBER(file_name, file_number)                                                        \
	{                                                                                          \
		.name = (file_name), .mode = S_IFREG | 0444, .show = computed_show_number,         \
		.number = (file_number)                                                            \
	}
#define NODE_TEXT(file_name, file_text)                                                            \
	{                                                                                          \
		.name = (file_name), .mode = S_IFREG | 0444, .show = computed_show_text,           \
		.text = (file_text)                                                                \
	}

/* A number that can be set, and is heeded where it is used. */
struct computed_setting {
	int32_t *value; /* read without a lock */
	int32_t least, most;
};
#define NODE_SETTING(file_name, ...)                                                               \
	{                                                                                          \
		.name = (file_name), .mode = S_IFREG | 0644, .show = computed_show_setting,        \
		.store = computed_store_setting, .setting = &(const struct computed_setting)       \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
int computed_show_setting(const struct computed_entry *entry, struct text *text);
int computed_store_setting(const struct computed_entry *entry, const char *from, size_t size);

int computed_show_number(const struct computed_entry *entry, struct text *text);
int computed_show_text(const struct computed_entry *entry, struct text *text);

/* A mount whose root is @root; not attached. NULL: no memory. */
struct mount *computed_mount_new(const char *type, const char *source, uint64_t magic,
	uint32_t flags, const struct computed_node *root);

/* A decimal number, the whole of @name; false: not one, or written otherwise. */
MUST_CHECK bool computed_number(const char *name, uint32_t length, uint32_t *ret_number);

/* What an open file stands for; NULL: it is in no computed file system. */
struct file;
const struct computed_entry *computed_entry_of(const struct file *file);

#endif
