#include "libos/files/directory.h"

#include <linux/stat.h>

#include "libos/files/dentry.h"

bool directory_emit(void *context, const char *name, uint32_t length, uint64_t inode_number,
	uint32_t type, uint64_t next_position)
{
	struct directory_context *directory = context;

	directory->next_position = next_position;
	if (!directory->emit(directory, name, length, inode_number, type))
		return false;
	directory->file->position = next_position;
	return true;
}

bool directory_emit_dots(void *context, struct file *file)
{
	struct dentry *parent;
	uint64_t number;

	if (file->position == 0 && !directory_emit(context, ".", 1, file->inode->number, 4, 1))
		return false;
	if (file->position != 1)
		return true;
	parent = dentry_parent(file->dentry);
	if (!parent)
		return false;
	number = parent->inode->number;
	dentry_unref(parent);
	return directory_emit(context, "..", 2, number, 4, 2);
}
