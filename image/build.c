#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "image/container_source.h"
#include "image/digest.h"
#include "image/erofs.h"
#include "image/file.h"
#include "image/hash_tree.h"
#include "image/host_source.h"
#include "image/image.h"
#include "image/measure.h"
#include "image/output.h"
#include "image/program_source.h"
#include "image/rootfs_defaults.h"
#include "image/sites_section.h"
#include "image/superblock.h"

/* One build under way. */
struct build {
	const struct image_build_options *options;
	struct image_error *error;
	struct tree tree;
	json_t *config;
	struct container_spool spool; /* contents of archives; outlives the tree */
	struct buffer libos;
	EVP_PKEY *key;
	struct stat output_stat;       /* the file that will be replaced */
	const struct stat *old_output; /* the same, or NULL: there is none */
	struct output output;
};

static void build_done(struct build *build)
{
	tree_done(&build->tree);
	json_decref(build->config);
	container_spool_done(&build->spool);
	buffer_done(&build->libos);
	EVP_PKEY_free(build->key);
	output_done(&build->output);
}

static const char *source_option(enum image_source_kind kind)
{
	static const char *const options[] = {[IMAGE_SOURCE_DIR] = "--from-dir",
		[IMAGE_SOURCE_PROGRAM] = "--copy",
		[IMAGE_SOURCE_ADD] = "--add",
		[IMAGE_SOURCE_OCI] = "--from-oci",
		[IMAGE_SOURCE_DOCKER_ARCHIVE] = "--from-docker-archive"};

	return options[kind];
}

static int add_root(struct build *build, const char *from)
{
	struct stat st;

	if (stat(from, &st) == 0 && !S_ISDIR(st.st_mode))
		return image_fail(build->error, -ENOTDIR, "not a directory; --add takes a file");
	return host_add(&build->tree, from, "/", build->old_output, build->error);
}

static int apply_source(struct build *build, const struct image_source *source)
{
	switch (source->kind) {
	case IMAGE_SOURCE_DIR:
		return add_root(build, source->from);
	case IMAGE_SOURCE_ADD:
		return host_add(
			&build->tree, source->from, source->to, build->old_output, build->error);
	case IMAGE_SOURCE_PROGRAM:
		return program_add(&build->tree, source->from, source->to, build->error);
	case IMAGE_SOURCE_OCI:
		return container_add_oci(
			&build->tree, source->from, &build->spool, build->config, build->error);
	case IMAGE_SOURCE_DOCKER_ARCHIVE:
		return container_add_docker_archive(
			&build->tree, source->from, &build->spool, build->config, build->error);
	}
	return image_fail(build->error, -EINVAL, "unknown kind of source");
}

static bool has_source(const struct image_build_options *options, enum image_source_kind kind)
{
	for (size_t i = 0; i < options->source_count; i++)
		if (options->sources[i].kind == kind)
			return true;
	return false;
}

/* Programs that are named one by one bring their own ground with them; then what is added beside
 * them (modules that are loaded at run time) may need libraries too. Over a container image or a
 * directory, which have their own libraries, nothing of the host is pulled in. */
static int complete_programs(struct build *build)
{
	const struct image_build_options *options = build->options;

	if (!has_source(options, IMAGE_SOURCE_PROGRAM))
		return 0;
	if (has_source(options, IMAGE_SOURCE_DIR) || has_source(options, IMAGE_SOURCE_OCI) ||
		has_source(options, IMAGE_SOURCE_DOCKER_ARCHIVE))
		return 0;
	return program_add_libraries_of_tree(&build->tree, build->error);
}

static int apply_sources(struct build *build)
{
	for (size_t i = 0; i < build->options->source_count; i++) {
		const struct image_source *source = &build->options->sources[i];
		int r;

		build->tree.layer++;
		r = apply_source(build, source);
		if (r < 0)
			return image_fail_in(build->error, r, "%s %s", source_option(source->kind),
				source->from);
	}
	return complete_programs(build);
}

static int merge_config_file(struct build *build)
{
	CLEANUP(config_json_freep) json_t *over = NULL;
	CLEANUP(buffer_done) struct buffer text = {0};
	const char *path = build->options->config_path;
	int r;

	if (!path)
		return 0;
	r = file_read(path, IMAGE_CONFIG_SIZE_MAX, &text, build->error);
	if (r == 0)
		r = config_parse((struct span){text.data, text.size}, path, &over, build->error);
	if (r == 0)
		r = config_merge(build->config, over);
	return r;
}

static int make_config(struct build *build)
{
	int r;

	if (has_source(build->options, IMAGE_SOURCE_PROGRAM) &&
		(json_object_set_new(build->config, "AllowPrograms", json_true()) < 0 ||
			json_object_set_new(build->config, "AllowArgs", json_true()) < 0 ||
			json_object_set_new(build->config, "AllowNetwork", json_true()) < 0 ||
			json_object_set_new(build->config, "AllowPorts", json_pack("[s]", "*")) <
				0))
		return image_fail_errno(build->error, -ENOMEM, "configuration");
	r = merge_config_file(build);
	if (r < 0)
		return r;
	return rootfs_resolve_user(&build->tree, build->config, build->error);
}

static int set_time_visit(void *context, const char *path, struct tree_inode *inode)
{
	(void)path;
	inode->mtime = *(const int64_t *)context;
	inode->mtime_ns = 0;
	return 0;
}

static int make_tree(struct build *build)
{
	int64_t epoch = build->options->source_date_epoch;
	int r = apply_sources(build);

	if (r == 0)
		r = rootfs_add_defaults(&build->tree, build->error);
	if (r < 0 || epoch < 0)
		return r;
	set_time_visit(&epoch, "", build->tree.root);
	r = tree_walk(&build->tree, set_time_visit, &epoch);
	return r < 0 ? image_fail_errno(build->error, r, "the tree") : 0;
}

static int write_config(struct build *build)
{
	CLEANUP(buffer_done) struct buffer text = {0};
	int r = config_check(build->config, "configuration", build->error);

	if (r < 0)
		return r;
	r = config_canonical(build->config, &text);
	if (r < 0)
		return image_fail_errno(build->error, r, "configuration");
	if (text.size > IMAGE_CONFIG_SIZE_MAX)
		return image_fail(build->error, -EFBIG, "configuration: larger than %u bytes",
			IMAGE_CONFIG_SIZE_MAX);
	return output_section(&build->output, IMAGE_SECTION_CONFIG, IMAGE_PLATFORM_ANY,
		(struct span){text.data, text.size}, build->error);
}

struct rootfs_sink {
	struct output *output;
	struct hash_tree tree;
};

static void rootfs_sink_done(struct rootfs_sink *sink)
{
	digest_free(sink->tree.digest);
	hash_tree_done(&sink->tree);
}

static int write_rootfs_blocks(
	void *context, const uint8_t *blocks, size_t block_count, struct image_error *error)
{
	struct rootfs_sink *sink = context;
	int r = hash_tree_add(&sink->tree, blocks, block_count);

	if (r < 0)
		return image_fail_errno(error, r, "hash tree");
	return output_write(
		sink->output, (struct span){blocks, block_count * IMAGE_BLOCK_SIZE}, error);
}

static int write_hash_tree(struct build *build, const struct buffer *tree)
{
	static const uint8_t zero[IMAGE_DIGEST_SIZE];
	int r = output_begin_section(
		&build->output, IMAGE_SECTION_HASH_TREE, IMAGE_PLATFORM_ANY, build->error);

	if (r == 0)
		r = output_write(
			&build->output, (struct span){tree->data, tree->size}, build->error);
	if (r == 0)
		output_end_section(&build->output, tree->size, zero);
	return r;
}

/* Says where the file system lies in the output. */
static int write_rootfs(struct build *build, uint64_t *ret_start, uint64_t *ret_size)
{
	CLEANUP(rootfs_sink_done)
	struct rootfs_sink sink = {.output = &build->output, .tree = {.digest = digest_new()}};
	CLEANUP(buffer_done) struct buffer tree = {0};
	uint64_t start = build->output.size;
	uint8_t digest[IMAGE_DIGEST_SIZE];
	int64_t epoch = MAX(build->options->source_date_epoch, (int64_t)0);
	int r;

	if (!sink.tree.digest)
		return image_fail_errno(build->error, -ENOMEM, "SHA-256");
	r = output_begin_section(
		&build->output, IMAGE_SECTION_ROOTFS, IMAGE_PLATFORM_ANY, build->error);
	if (r == 0)
		r = erofs_write(
			&build->tree, (uint64_t)epoch, write_rootfs_blocks, &sink, build->error);
	if (r < 0)
		return r;
	r = hash_tree_finish(&sink.tree, &tree, digest);
	if (r < 0)
		return image_fail_errno(build->error, r, "hash tree");
	*ret_start = start;
	*ret_size = build->output.size - start;
	output_end_section(&build->output, *ret_size, digest);
	return write_hash_tree(build, &tree);
}

static int write_sites(struct build *build, uint64_t rootfs_start, uint64_t rootfs_size)
{
	CLEANUP(buffer_done) struct buffer sites = {0};
	void *map = mmap(
		NULL, rootfs_size, PROT_READ, MAP_SHARED, build->output.fd, (off_t)rootfs_start);
	int r;

	if (map == MAP_FAILED)
		return image_fail_errno(build->error, -errno, "%s", build->options->output_path);
	r = image_sites_section((struct span){map, rootfs_size}, &sites, build->error);
	munmap(map, rootfs_size);
	if (r < 0)
		return r;
	return output_section(&build->output, IMAGE_SECTION_SITES, IMAGE_PLATFORM_ANY,
		(struct span){sites.data, sites.size}, build->error);
}

static int make_claims(struct build *build, struct sigstruct_claims *ret)
{
	CLEANUP(image_config_done) struct image_config config = {0};
	const char *libos_path = build->options->libos_path;
	int64_t epoch = MAX(build->options->source_date_epoch, (int64_t)0);
	int r = config_read(build->config, &config, build->error);

	if (r < 0)
		return r;
	ret->date = sigstruct_date(epoch);
	ret->product = config.product;
	ret->svn = config.svn;
	ret->debug = config.debug;
	r = measure_enclave((struct span){build->libos.data, build->libos.size},
		build->output.superblock.image_digest, ret->measurement, build->error);
	return r < 0 ? image_fail_in(build->error, r, "%s", libos_path) : 0;
}

/* The image digest is known now, and with it what this platform measures. */
static int write_simulation(struct build *build, struct image_build_result *result)
{
	struct sgx_sigstruct sigstruct;
	struct sigstruct_claims claims;
	int r = make_claims(build, &claims);

	if (r < 0)
		return r;
	r = sigstruct_sign(&claims, build->key, &sigstruct);
	if (r < 0)
		return image_fail_errno(build->error, r, "signing");
	memcpy(result->measurement, claims.measurement, sizeof(claims.measurement));
	r = output_section(&build->output, IMAGE_SECTION_LIBOS, IMAGE_PLATFORM_SIMULATION,
		(struct span){build->libos.data, build->libos.size}, build->error);
	if (r < 0)
		return r;
	return output_section(&build->output, IMAGE_SECTION_SIGSTRUCT, IMAGE_PLATFORM_SIMULATION,
		(struct span){(const uint8_t *)&sigstruct, sizeof(sigstruct)}, build->error);
}

static int seal(struct build *build)
{
	int r;

	build->output.superblock.file_size = build->output.size;
	r = superblock_seal(&build->output.superblock);
	return r < 0 ? image_fail_errno(build->error, r, "superblock") : 0;
}

static int write_image(struct build *build, struct image_build_result *result)
{
	uint64_t start = 0, size = 0;
	int r = write_config(build);

	if (r == 0)
		r = write_rootfs(build, &start, &size);
	if (r == 0)
		r = write_sites(build, start, size);
	if (r == 0)
		r = seal(build);
	if (r == 0)
		r = write_simulation(build, result);
	if (r == 0)
		r = seal(build);
	return r == 0 ? output_finish(&build->output, build->error) : r;
}

static int load_key(struct build *build, struct image_build_result *result)
{
	const char *path = build->options->sign_key_path;
	int r;

	if (path)
		r = sign_key_load(path, &build->key, build->error);
	else
		r = sign_key_load_development(&build->key, &result->development_key,
			&result->development_key_is_new, build->error);
	if (r < 0)
		return r;
	r = sign_key_signer(build->key, result->signer);
	return r < 0 ? image_fail_errno(build->error, r, "signing key") : 0;
}

/* What can be wrong with the user's files is found before the long part. */
static int prepare(struct build *build, struct image_build_result *result)
{
	int r;

	build->config = json_object();
	if (!build->config || tree_init(&build->tree) < 0)
		return image_fail_errno(build->error, -ENOMEM, "build");
	r = file_read(
		build->options->libos_path, SUPERBLOCK_LIBOS_SIZE_MAX, &build->libos, build->error);
	if (r < 0)
		return image_fail_in(build->error, r, "--libos");
	if (build->options->sign_key_path)
		r = load_key(build, result);
	if (r < 0)
		return r;
	if (stat(build->options->output_path, &build->output_stat) == 0)
		build->old_output = &build->output_stat;
	return output_check(build->options->output_path, build->error);
}

int image_build(const struct image_build_options *options, struct image_build_result *ret,
	struct image_error *error)
{
	CLEANUP(build_done)
	struct build build = {
		.options = options, .error = error, .spool = {.fd = -1}, .output = {.fd = -1}};
	struct image_build_result result = {0};
	int r = prepare(&build, &result);

	if (r == 0)
		r = make_tree(&build);
	if (r == 0)
		r = make_config(&build);
	/* A development key is made only for a build that gets as far as needing it. */
	if (r == 0 && !build.key)
		r = load_key(&build, &result);
	if (r == 0)
		r = output_init(&build.output, options->output_path, error);
	if (r == 0)
		r = write_image(&build, &result);
	if (r < 0) {
		free(result.development_key);
		return r;
	}
	result.size = build.output.size;
	memcpy(result.image_digest, build.output.superblock.image_digest, IMAGE_DIGEST_SIZE);
	*ret = result;
	return 0;
}
