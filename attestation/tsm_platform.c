/* Evidence from the kernel of a TDX or SEV-SNP guest, by configfs: each report is a directory that
 * whoever wants one makes, and that the kernel fills.
 * Source: Linux, Documentation/ABI/testing/configfs-tsm. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sys/random.h>

#include "attestation/platform.h"
#include "attestation/platform_file.h"
#include "attestation/snp_report.h"

#define ROOT_DEFAULT "/sys/kernel/config/tsm/report"
#define ATTRIBUTE_MAX 4096
#define TRIES_MAX 5 /* against others that write to our report */
#define PRIVLEVEL_MAX 3

struct tsm_platform {
	struct attest_platform platform;
	char *root;
	int privlevel; /* -1: not set */
};

/* A report's directory, which is removed again. */
struct report {
	int root, fd;
	char name[40];
	const char *provider; /* "sev_guest", "tdx_guest" */
};

static int fail(struct attest_error *error, int r, const struct tsm_platform *tsm, const char *what)
{
	return platform_fail(error, r, "%s: %s", tsm->root, what);
}

static void report_done(struct report *report)
{
	if (report->fd >= 0)
		close(report->fd);
	if (*report->name)
		unlinkat(report->root, report->name, AT_REMOVEDIR);
	if (report->root >= 0)
		close(report->root);
}

/* Of its own: whoever else asks for a report has another. */
static int report_make(
	struct report *report, const struct tsm_platform *tsm, struct attest_error *error)
{
	char name[sizeof(report->name)];
	uint64_t random;
	int r;

	report->root = open(tsm->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (report->root < 0)
		return fail(error, -errno, tsm,
			"no reports: not a TDX or SEV-SNP guest, or configfs is not mounted");
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return fail(error, -EIO, tsm, "getrandom");
	snprintf(name, sizeof(name), "casemate-%016llx", (unsigned long long)random);
	if (mkdirat(report->root, name, 0700) < 0) {
		r = -errno;
		return fail(error, r, tsm,
			r == -ENXIO ? "no driver makes reports (tdx_guest, sev_guest)"
				    : "a report can't be made");
	}
	memcpy(report->name, name, sizeof(name));
	report->fd = openat(report->root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return report->fd < 0 ? fail(error, -errno, tsm, "the new report can't be opened") : 0;
}

static int find_provider(
	struct report *report, const struct tsm_platform *tsm, struct attest_error *error)
{
	static const char *const known[] = {"sev_guest", "tdx_guest"};
	CLEANUP(text_buffer_done) struct text_buffer text = {0};
	int r = platform_file_read(report->fd, "provider", ATTRIBUTE_MAX, &text);

	if (r < 0)
		return fail(error, r, tsm, "provider");
	text.data[strcspn((char *)text.data, "\n")] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp((char *)text.data, known[i])) {
			report->provider = known[i];
			return 0;
		}
	return platform_fail(error, -EOPNOTSUPP,
		"provider \"%.40s\": only sev_guest and tdx_guest make evidence that is known",
		(char *)text.data);
}

static int read_generation(const struct report *report, const struct tsm_platform *tsm,
	unsigned long *ret, struct attest_error *error)
{
	CLEANUP(text_buffer_done) struct text_buffer text = {0};
	int r = platform_file_read(report->fd, "generation", ATTRIBUTE_MAX, &text);
	char *end;

	if (r < 0)
		return fail(error, r, tsm, "generation");
	errno = 0;
	*ret = strtoul((char *)text.data, &end, 10);
	if (end == (char *)text.data || (*end && *end != '\n') || errno)
		return fail(error, -EPROTO, tsm, "generation is no number");
	return 0;
}

/* Binary attributes are taken when the file is closed, and what the kernel then thinks of them is
 * told by the generation alone. */
static int write_attribute(const struct report *report, const struct tsm_platform *tsm,
	const char *name, const void *value, size_t size, struct attest_error *error)
{
	int fd = openat(report->fd, name, O_WRONLY | O_CLOEXEC);
	ssize_t written;
	int r = 0;

	if (fd < 0)
		return fail(error, -errno, tsm, name);
	written = write(fd, value, size);
	if (written != (ssize_t)size)
		r = written < 0 ? -errno : -EIO;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r < 0 ? fail(error, r, tsm, name) : 0;
}

static int write_request(const struct report *report, const struct tsm_platform *tsm,
	const uint8_t report_data[64], unsigned long *ret_writes, struct attest_error *error)
{
	char level[2] = {(char)('0' + tsm->privlevel), '\n'};
	int r = 0;

	*ret_writes = 1;
	if (tsm->privlevel >= 0) {
		r = write_attribute(report, tsm, "privlevel", level, sizeof(level), error);
		++*ret_writes;
	}
	if (r == 0)
		r = write_attribute(report, tsm, "inblob", report_data, 64, error);
	return r;
}

/* The report, and right behind it the certificates that the host has for it, if any. */
static int read_blobs(const struct report *report, const struct tsm_platform *tsm,
	struct text_buffer *ret, struct attest_error *error)
{
	CLEANUP(text_buffer_done) struct text_buffer aux = {0};
	int r = platform_file_read(report->fd, "outblob", ATTEST_EVIDENCE_SIZE_MAX / 2, ret);
	uint8_t *joined;

	if (r < 0)
		return fail(error, r, tsm, "outblob");
	if (strcmp(report->provider, "sev_guest") != 0)
		return ret->size ? 0 : fail(error, -EPROTO, tsm, "outblob is empty");
	if (ret->size != SNP_REPORT_SIZE)
		return fail(error, -EPROTO, tsm, "outblob is no report of SEV-SNP");
	r = platform_file_read(report->fd, "auxblob", ATTEST_EVIDENCE_SIZE_MAX / 2, &aux);
	if (r < 0 && r != -ENOENT)
		return fail(error, r, tsm, "auxblob");
	joined = realloc(ret->data, ret->size + aux.size + 1);
	if (!joined)
		return fail(error, -ENOMEM, tsm, "auxblob");
	if (aux.size)
		memcpy(joined + ret->size, aux.data, aux.size);
	*ret = (struct text_buffer){joined, ret->size + aux.size};
	return 0;
}

/* -EAGAIN: someone else wrote meanwhile, or the kernel did not take what we wrote. */
static int try(const struct report *report, const struct tsm_platform *tsm,
	const uint8_t report_data[64], struct text_buffer *ret, struct attest_error *error)
{
	CLEANUP(text_buffer_done) struct text_buffer evidence = {0};
	unsigned long before = 0, after = 0, writes = 0;
	int r = read_generation(report, tsm, &before, error);

	if (r == 0)
		r = write_request(report, tsm, report_data, &writes, error);
	if (r == 0)
		r = read_blobs(report, tsm, &evidence, error);
	if (r == 0)
		r = read_generation(report, tsm, &after, error);
	if (r < 0)
		return r;
	if (after - before != writes)
		return fail(error, -EAGAIN, tsm, "the report is written to by others");
	*ret = evidence;
	evidence = (struct text_buffer){0};
	return 0;
}

static int tsm_make(struct attest_platform *platform, const uint8_t report_data[64], size_t size,
	uint8_t **ret_evidence, size_t *ret_size, struct attest_error *error)
{
	struct tsm_platform *tsm = CONTAINER_OF(platform, struct tsm_platform, platform);
	CLEANUP(report_done) struct report report = {.root = -1, .fd = -1};
	struct text_buffer evidence = {0};
	int r = report_make(&report, tsm, error);

	(void)size;
	if (r == 0)
		r = find_provider(&report, tsm, error);
	if (r < 0)
		return r;
	for (int i = 0; i < TRIES_MAX; i++) {
		r = try(&report, tsm, report_data, &evidence, error);
		if (r != -EAGAIN)
			break;
	}
	if (r < 0)
		return r;
	*ret_evidence = evidence.data;
	*ret_size = evidence.size;
	return 0;
}

static void tsm_free(struct attest_platform *platform)
{
	struct tsm_platform *tsm = CONTAINER_OF(platform, struct tsm_platform, platform);

	free(tsm->root);
	free(tsm);
}

static const struct platform_ops tsm_ops = {tsm_make, tsm_free};

int attest_platform_tsm_new(const char *root, int privlevel, struct attest_platform **ret_platform)
{
	struct tsm_platform *tsm;

	if (privlevel < -1 || privlevel > PRIVLEVEL_MAX)
		return -EINVAL;
	tsm = malloc(sizeof(*tsm));
	if (!tsm)
		return -ENOMEM;
	*tsm = (struct tsm_platform){.platform.ops = &tsm_ops,
		.root = strdup(root ? root : ROOT_DEFAULT),
		.privlevel = privlevel};
	if (!tsm->root) {
		free(tsm);
		return -ENOMEM;
	}
	*ret_platform = &tsm->platform;
	return 0;
}
