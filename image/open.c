#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "image/digest.h"
#include "image/file.h"
#include "image/image.h"
#include "image/measure.h"
#include "image/sites_section.h"
#include "image/superblock.h"

void image_close(struct image *image)
{
	if (!image)
		return;
	if (image->fd >= 0)
		close(image->fd);
	image_config_done(&image->config);
	buffer_done(&image->config_text);
	buffer_done(&image->sites_bytes);
	for (size_t i = 0; i < IMAGE_PLATFORM_COUNT; i++)
		buffer_done(&image->libos_bytes[i]);
	free(image);
}

void image_closep(struct image **image)
{
	image_close(*image);
}

/* The bytes of a section, checked against its digest. */
static int read_section(const struct image *image, const struct image_section *section,
	struct buffer *ret, struct image_error *error)
{
	const char *name = image_section_name(section->kind);
	CLEANUP(buffer_done) struct buffer bytes = {0};
	uint8_t digest[IMAGE_DIGEST_SIZE];
	int r = buffer_resize(&bytes, (size_t)section->size);

	if (r == 0)
		r = file_read_at(image->fd, bytes.data, bytes.size, section->offset);
	if (r == 0)
		r = digest_of(bytes.data, bytes.size, digest);
	if (r < 0)
		return image_fail_errno(error, r, "%s section", name);
	if (memcmp(digest, section->digest, sizeof(digest)))
		return image_fail(error, -EBADMSG,
			"%s section (file offset %#lx, %lu bytes): damaged (digest is wrong)", name,
			section->offset, section->size);
	*ret = bytes;
	bytes = (struct buffer){0};
	return 0;
}

static int open_superblock(struct image *image, struct image_error *error)
{
	const struct image_superblock *s = &image->superblock;
	struct stat st;
	int r;

	if (fstat(image->fd, &st) < 0)
		return image_fail_errno(error, -errno, "superblock");
	if (!S_ISREG(st.st_mode))
		return image_fail(error, -EBADMSG, "not a regular file");
	if (st.st_size < IMAGE_BLOCK_SIZE)
		return image_fail(error, -EBADMSG,
			"not an enclave image, or cut off (%ld bytes are less than a superblock)",
			(long)st.st_size);
	r = file_read_at(image->fd, &image->superblock, sizeof(image->superblock), 0);
	if (r < 0)
		return image_fail_errno(error, r, "superblock");
	r = superblock_check(s, (uint64_t)st.st_size, error);
	if (r < 0)
		return r;
	image->config_section = superblock_find(s, IMAGE_SECTION_CONFIG, IMAGE_PLATFORM_ANY);
	image->rootfs = superblock_find(s, IMAGE_SECTION_ROOTFS, IMAGE_PLATFORM_ANY);
	image->hash_tree = superblock_find(s, IMAGE_SECTION_HASH_TREE, IMAGE_PLATFORM_ANY);
	image->sites = superblock_find(s, IMAGE_SECTION_SITES, IMAGE_PLATFORM_ANY);
	return 0;
}

/* One configuration has one text: anything else is somebody else's writing. */
static int check_canonical(const struct image *image, const json_t *json, struct image_error *error)
{
	CLEANUP(buffer_done) struct buffer text = {0};
	int r = config_canonical(json, &text);

	if (r < 0)
		return image_fail_errno(error, r, "CONFIG section");
	if (text.size != image->config_text.size ||
		memcmp(text.data, image->config_text.data, text.size))
		return image_fail(error, -EINVAL, "CONFIG section: not in canonical form");
	return 0;
}

static int open_config(struct image *image, struct image_error *error)
{
	CLEANUP(config_json_freep) json_t *json = NULL;
	int r = read_section(image, image->config_section, &image->config_text, error);

	if (r < 0)
		return r;
	r = config_parse((struct span){image->config_text.data, image->config_text.size},
		"CONFIG section", &json, error);
	if (r == 0)
		r = check_canonical(image, json, error);
	if (r < 0)
		return r;
	r = config_read(json, &image->config, error);
	return r < 0 ? image_fail_in(error, r, "CONFIG section") : 0;
}

static int open_sites(struct image *image, struct image_error *error)
{
	struct span bytes;
	int r = read_section(image, image->sites, &image->sites_bytes, error);

	if (r < 0)
		return r;
	bytes = (struct span){image->sites_bytes.data, image->sites_bytes.size};
	r = sites_section_check(bytes, error);
	return r < 0 ? image_fail_in(error, r, "SITES section") : 0;
}

/* The signature must be about this very enclave and configuration. */
static int check_claims(const struct image *image, const struct image_platform_view *view,
	struct image_error *error)
{
	uint8_t measurement[IMAGE_DIGEST_SIZE];
	int r = measure_enclave(
		view->libos_bytes, image->superblock.image_digest, measurement, error);

	if (r < 0)
		return image_fail_in(error, r, "LIBOS section");
	if (memcmp(measurement, view->claims.measurement, sizeof(measurement)))
		return image_fail(error, -EBADMSG,
			"SIGSTRUCT section: signs another enclave (the measurement differs)");
	if (view->claims.product != image->config.product)
		return image_fail(error, -EBADMSG, "SIGSTRUCT section: the product id differs");
	if (view->claims.svn != image->config.svn)
		return image_fail(error, -EBADMSG, "SIGSTRUCT section: the version (SVN) differs");
	if (view->claims.debug != image->config.debug)
		return image_fail(
			error, -EBADMSG, "SIGSTRUCT section: the debug attribute differs");
	return 0;
}

static int open_signature(
	struct image *image, struct image_platform_view *view, struct image_error *error)
{
	CLEANUP(buffer_done) struct buffer bytes = {0};
	int r = read_section(image, view->sigstruct, &bytes, error);

	if (r < 0)
		return r;
	memcpy(&view->signature, bytes.data, sizeof(view->signature)); /* superblock_check: size */
	r = sigstruct_verify(&view->signature, &view->claims, error);
	if (r < 0)
		return image_fail_in(error, r, "SIGSTRUCT section");
	r = digest_of(view->signature.modulus, SGX_KEY_SIZE, view->signer);
	return r < 0 ? image_fail_errno(error, r, "SIGSTRUCT section") : 0;
}

static int open_platform(struct image *image, uint32_t platform, struct image_error *error)
{
	struct image_platform_view *view = &image->platforms[platform];
	struct buffer *libos = &image->libos_bytes[platform];
	int r;

	view->libos = superblock_find(&image->superblock, IMAGE_SECTION_LIBOS, platform);
	view->sigstruct = superblock_find(&image->superblock, IMAGE_SECTION_SIGSTRUCT, platform);
	if (!view->libos)
		return 0;
	r = read_section(image, view->libos, libos, error);
	if (r < 0)
		return r;
	view->libos_bytes = (struct span){libos->data, libos->size};
	r = open_signature(image, view, error);
	return r < 0 ? r : check_claims(image, view, error);
}

int image_open_fd(int fd, const char *name, struct image **ret, struct image_error *error)
{
	CLEANUP(image_closep) struct image *image = calloc(1, sizeof(*image));
	int r;

	if (!image) {
		close(fd);
		return image_fail_errno(error, -ENOMEM, "%s", name);
	}
	image->fd = fd;
	r = open_superblock(image, error);
	if (r == 0)
		r = open_config(image, error);
	if (r == 0)
		r = open_sites(image, error);
	for (uint32_t p = IMAGE_PLATFORM_SIMULATION; r == 0 && p < IMAGE_PLATFORM_COUNT; p++)
		r = open_platform(image, p, error);
	if (r < 0)
		return image_fail_in(error, r, "%s", name);
	*ret = TAKE(image);
	return 0;
}

int image_open(const char *path, struct image **ret, struct image_error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe: no wait */

	if (fd < 0)
		return image_fail_errno(error, -errno, "%s", path);
	return image_open_fd(fd, path, ret, error);
}
