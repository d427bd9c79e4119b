#include "image/rootfs_defaults.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image/config.h"
#include "image/file.h"

#define ETC_FILE_SIZE_MAX (16u << 20)

static const struct {
	const char *path;
	uint32_t mode;
} directories[] = {
	{"/tmp", 01777},
	{"/proc", 0555},
	{"/dev", 0755},
	{"/sys", 0555},
	{"/run", 0755},
	{"/var/tmp", 01777},
	{"/root", 0700},
};

static const struct {
	const char *path;
	uint32_t mode;
	const char *text;
} small_files[] = {
	{"/etc/passwd", S_IFREG | 0644,
		"root:x:0:0:root:/root:/bin/sh\n"
		"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
	{"/etc/group", S_IFREG | 0644, "root:x:0:\nnogroup:x:65534:\n"},
	{"/etc/nsswitch.conf", S_IFREG | 0644, "passwd: files\ngroup: files\nhosts: files dns\n"},
	/* What df(1) and getmntent(3) read; container images have the same link. */
	{"/etc/mtab", S_IFLNK | 0777, "/proc/mounts"},
};

static int add_missing(struct tree *tree, const char *path, uint32_t mode, const char *text,
	struct image_error *error)
{
	struct tree_inode *inode;
	int r = tree_find(tree, path, false, &inode);

	if (r == 0) {
		if (inode->implied)
			inode->mode = mode;
		return 0;
	}
	inode = tree_inode_new(tree, mode);
	if (!inode)
		return image_fail_errno(error, -ENOMEM, "%s", path);
	r = text ? tree_inode_set_bytes(inode, text, strlen(text)) : 0;
	if (r < 0)
		tree_inode_free(tree, inode);
	else
		r = tree_put_at(tree, path, inode);
	return r < 0 ? image_fail_errno(error, r, "adding %s", path) : 0;
}

int rootfs_add_defaults(struct tree *tree, struct image_error *error)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(directories); i++)
		r = add_missing(
			tree, directories[i].path, S_IFDIR | directories[i].mode, NULL, error);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(small_files); i++)
		r = add_missing(
			tree, small_files[i].path, small_files[i].mode, small_files[i].text, error);
	return r;
}

/* A file's text with a NUL; empty if there is none. */
static int read_text(
	const struct tree *tree, const char *path, struct buffer *ret, struct image_error *error)
{
	struct tree_inode *inode;
	size_t size = 0;
	int r = 0;

	if (tree_find(tree, path, true, &inode) == 0 && S_ISREG(inode->mode))
		size = (size_t)MIN(inode->content.size, (uint64_t)ETC_FILE_SIZE_MAX);
	if (buffer_resize(ret, size + 1) < 0)
		return image_fail_errno(error, -ENOMEM, "%s", path);
	if (size)
		r = tree_content_read(&inode->content, 0, ret->data, size, error);
	return r;
}

/* Find "name:x:ID[:GID]:..." by its name, or by its number. */
static bool find_line(
	const char *text, const char *name, uint32_t number, unsigned long *id, unsigned long *gid)
{
	for (const char *line = text; line; line = strchr(line, '\n')) {
		char entry[256];

		line += *line == '\n';
		*gid = 0;
		if (sscanf(line, "%255[^:\n]:%*[^:\n]:%lu:%lu", entry, id, gid) < 2 &&
			sscanf(line, "%255[^:\n]::%lu:%lu", entry, id, gid) < 2)
			continue;
		if (*id < UINT32_MAX && *gid < UINT32_MAX &&
			(name ? !strcmp(entry, name) : *id == number))
			return true;
	}
	return false;
}

static int look_up_user(const struct tree *tree, const char *user, unsigned long *uid,
	unsigned long *gid, struct image_error *error)
{
	CLEANUP(buffer_done) struct buffer text = {0};
	uint32_t number, ignored;
	int r = read_text(tree, "/etc/passwd", &text, error);

	if (r < 0)
		return r;
	if (config_parse_ids(user, &number, &ignored)) {
		if (!find_line((const char *)text.data, NULL, number, uid, gid))
			*gid = 0;
		*uid = number;
		return 0;
	}
	if (!find_line((const char *)text.data, user, 0, uid, gid))
		return image_fail(
			error, -ENOENT, "User: \"%s\" is not in the image's /etc/passwd", user);
	return 0;
}

static int look_up_group(
	const struct tree *tree, const char *group, unsigned long *gid, struct image_error *error)
{
	CLEANUP(buffer_done) struct buffer text = {0};
	unsigned long ignored;
	uint32_t number, zero;
	int r = read_text(tree, "/etc/group", &text, error);

	if (r < 0)
		return r;
	if (config_parse_ids(group, &number, &zero)) {
		*gid = number;
		return 0;
	}
	if (!find_line((const char *)text.data, group, 0, gid, &ignored))
		return image_fail(error, -ENOENT,
			"User: group \"%s\" is not in the image's /etc/group", group);
	return 0;
}

int rootfs_resolve_user(const struct tree *tree, json_t *config, struct image_error *error)
{
	const json_t *value = json_object_get(config, "User");
	CLEANUP(freep) char *user = NULL;
	unsigned long uid, gid;
	char text[64], *colon;
	int r;

	if (!value)
		return 0;
	user = strdup(json_string_value(value));
	if (!user)
		return image_fail_errno(error, -ENOMEM, "User");
	colon = strchr(user, ':');
	if (colon)
		*colon = '\0';
	r = look_up_user(tree, user, &uid, &gid, error);
	if (r == 0 && colon)
		r = look_up_group(tree, colon + 1, &gid, error);
	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%lu:%lu", uid, gid);
	if (json_object_set_new(config, "User", json_string(text)) < 0)
		return image_fail_errno(error, -ENOMEM, "User");
	return 0;
}
