#include "image/layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>

#include "image/digest.h"
#include "image/file.h"
#include "image/layer_entry.h"

#define READ_SIZE 65536

/* Two readers, one in the other: @outer takes the compression off, @inner reads the tar archive.
 * Both streams of bytes are hashed on the way. */
struct layer_reader {
	struct layer_region region;
	uint64_t raw_read; /* bytes of the region so far */
	uint64_t tar_read; /* bytes of the archive so far */
	bool padded;
	struct archive *outer;
	struct archive *inner;
	struct digest *raw_digest;
	struct digest *tar_digest;
	uint8_t raw[READ_SIZE];
	uint8_t tar[READ_SIZE];
};

static void reader_freep(struct layer_reader **at)
{
	struct layer_reader *reader = *at;

	if (!reader)
		return;
	archive_read_free(reader->inner);
	archive_read_free(reader->outer);
	digest_free(reader->raw_digest);
	digest_free(reader->tar_digest);
	free(reader);
}

static la_ssize_t read_raw(struct archive *archive, void *context, const void **ret)
{
	struct layer_reader *reader = context;
	size_t size = (size_t)MIN(reader->region.size - reader->raw_read, (uint64_t)READ_SIZE);
	int r = file_read_at(
		reader->region.fd, reader->raw, size, reader->region.offset + reader->raw_read);

	if (r < 0) {
		archive_set_error(archive, -r, "%s", strerror(-r));
		return ARCHIVE_FATAL;
	}
	digest_update(reader->raw_digest, reader->raw, size);
	reader->raw_read += size;
	*ret = reader->raw;
	return (la_ssize_t)size;
}

/* Some writers (umoci) leave out the padding of the last entry, and other readers don't mind. It is
 * made up here; the digests, which don't count it, tell such an archive from a truncated one. */
static la_ssize_t pad_tar(struct layer_reader *reader, const void **ret)
{
	size_t size = (size_t)(-reader->tar_read % 512);

	if (reader->padded)
		return 0;
	reader->padded = true;
	memset(reader->tar, 0, size);
	*ret = reader->tar;
	return (la_ssize_t)size;
}

static la_ssize_t read_tar(struct archive *archive, void *context, const void **ret)
{
	struct layer_reader *reader = context;
	la_ssize_t size = archive_read_data(reader->outer, reader->tar, READ_SIZE);

	if (size < 0) {
		archive_set_error(archive, EIO, "%s", archive_error_string(reader->outer));
		return ARCHIVE_FATAL;
	}
	if (size == 0)
		return pad_tar(reader, ret);
	reader->tar_read += (uint64_t)size;
	if (reader->tar_read > LAYER_SIZE_MAX) {
		archive_set_error(archive, EFBIG, "larger than %llu bytes", LAYER_SIZE_MAX);
		return ARCHIVE_FATAL;
	}
	digest_update(reader->tar_digest, reader->tar, (size_t)size);
	*ret = reader->tar;
	return size;
}

static int archive_failed(struct archive *archive, struct image_error *error)
{
	const char *text = archive_error_string(archive);

	return image_fail(error, -EBADMSG, "not a good tar archive: %s", text ? text : "no memory");
}

static int open_outer(struct layer_reader *reader, struct image_error *error)
{
	struct archive_entry *entry;
	int r;

	reader->outer = archive_read_new();
	if (!reader->outer || archive_read_support_filter_gzip(reader->outer) != ARCHIVE_OK ||
		archive_read_support_filter_zstd(reader->outer) != ARCHIVE_OK ||
		archive_read_support_format_raw(reader->outer) != ARCHIVE_OK ||
		archive_read_support_format_empty(reader->outer) != ARCHIVE_OK)
		return image_fail_errno(error, -ENOMEM, "libarchive");
	r = archive_read_open(reader->outer, reader, NULL, read_raw, NULL);
	if (r == ARCHIVE_OK)
		r = archive_read_next_header(reader->outer, &entry);
	return r == ARCHIVE_OK ? 0 : archive_failed(reader->outer, error);
}

static int open_inner(struct layer_reader *reader, struct image_error *error)
{
	reader->inner = archive_read_new();
	if (!reader->inner || archive_read_support_format_tar(reader->inner) != ARCHIVE_OK)
		return image_fail_errno(error, -ENOMEM, "libarchive");
	if (archive_read_open(reader->inner, reader, NULL, read_tar, NULL) != ARCHIVE_OK)
		return archive_failed(reader->inner, error);
	return 0;
}

static int reader_new(
	struct layer_region region, struct layer_reader **ret, struct image_error *error)
{
	CLEANUP(reader_freep) struct layer_reader *reader = calloc(1, sizeof(*reader));
	int r;

	if (!reader)
		return image_fail_errno(error, -ENOMEM, "layer");
	reader->region = region;
	reader->raw_digest = digest_new();
	reader->tar_digest = digest_new();
	if (!reader->raw_digest || !reader->tar_digest)
		return image_fail_errno(error, -ENOMEM, "SHA-256");
	r = open_outer(reader, error);
	if (r == 0)
		r = open_inner(reader, error);
	if (r == 0)
		*ret = TAKE(reader);
	return r;
}

/* What the tar reader did not want: padding, and whatever follows. It counts for the digests. */
static int drain(struct layer_reader *reader, struct image_error *error)
{
	const void *bytes;
	la_ssize_t size;

	do {
		size = read_tar(reader->inner, reader, &bytes);
	} while (size > 0);
	if (size < 0)
		return archive_failed(reader->inner, error);
	do {
		size = read_raw(reader->outer, reader, &bytes);
	} while (size > 0);
	return size < 0 ? archive_failed(reader->outer, error) : 0;
}

static int check_digest(
	struct digest *digest, const uint8_t *expected, const char *what, struct image_error *error)
{
	uint8_t value[IMAGE_DIGEST_SIZE];

	digest_final(digest, value);
	if (expected && memcmp(value, expected, sizeof(value)))
		return image_fail(error, -EBADMSG, "damaged (%s is wrong)", what);
	return 0;
}

static int apply_entries(struct layer_reader *reader, struct tree *tree,
	const struct layer_options *options, struct container_spool *spool,
	struct image_error *error)
{
	struct archive_entry *entry;

	for (;;) {
		int r = archive_read_next_header(reader->inner, &entry);

		if (r == ARCHIVE_EOF)
			return 0;
		/* A warning is about the locale's character set: names are bytes to us. */
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return archive_failed(reader->inner, error);
		r = layer_entry_apply(tree, reader->inner, entry, options->whiteouts, spool, error);
		if (r < 0)
			return r;
	}
}

int layer_apply(struct tree *tree, struct layer_region region, const struct layer_options *options,
	struct container_spool *spool, struct image_error *error)
{
	CLEANUP(reader_freep) struct layer_reader *reader = NULL;
	int r = reader_new(region, &reader, error);

	if (r < 0)
		return r;
	tree->layer++;
	r = apply_entries(reader, tree, options, spool, error);
	if (r == 0)
		r = drain(reader, error);
	if (r == 0)
		r = check_digest(reader->raw_digest, options->digest, "its digest", error);
	if (r == 0)
		r = check_digest(reader->tar_digest, options->diff_id, "its diff_id", error);
	return r;
}
