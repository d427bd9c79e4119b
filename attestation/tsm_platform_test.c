#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "attestation/dcap_fixture.h"
#include "attestation/evidence_fixture.h"
#include "attestation/tsm_fixture.h"
#include "base/test.h"

#define SNP_SIZE 1184

/* As the fixture of quotes takes it: text. */
static const char asked[] = "who wants to know, and when";

struct maker {
	struct dcap_fixture dcap;
	size_t size; /* of what is not a quote */
};

static void make_quote(void *data, const struct bytes *inblob, struct bytes *to)
{
	struct maker *maker = data;
	struct dcap_fixture_options options = {
		.version = 4, .is_tdx = true, .report_data = (const char *)inblob->data};

	dcap_fixture_quote(&maker->dcap, &options, to);
}

/* An SEV-SNP report, as far as its size and what was asked go. */
static void make_report(void *data, const struct bytes *inblob, struct bytes *to)
{
	struct maker *maker = data;

	bytes_put_zero(to, maker->size);
	if (maker->size >= 0x50 + inblob->size)
		memcpy(to->data + 0x50, inblob->data, inblob->size);
}

static void make_nothing(void *data, const struct bytes *inblob, struct bytes *to)
{
	(void)data;
	(void)inblob;
	(void)to;
}

/* Evidence, or the error; all that was made in @root is gone after. */
static int ask(struct tsm_fixture *fixture, const char *root, int privlevel, struct bytes *ret,
	struct attest_error *error)
{
	struct attest_platform *platform;
	uint8_t *evidence = NULL;
	size_t size = 0;
	int r;

	memset(error, 0, sizeof(*error));
	if (attest_platform_tsm_new(root, privlevel, &platform) < 0)
		abort();
	tsm_fixture_use(fixture);
	r = attest_evidence_new(
		platform, (struct attest_bytes){asked, strlen(asked)}, &evidence, &size, error);
	tsm_fixture_use(NULL);
	attest_platform_free(platform);
	bytes_done(ret);
	*ret = (struct bytes){evidence, r == 0 ? size : 0};
	CHECK_EQ(fixture->made, fixture->removed);
	return r;
}

static void test_tdx(struct maker *maker, const char *root)
{
	struct tsm_fixture kernel = {.provider = "tdx_guest", .make = make_quote, .data = maker};
	struct attest_result *result = malloc(sizeof(*result));
	struct dcap_fixture_options options = {.version = 4, .is_tdx = true};
	struct bytes bundle = {0}, authority = {0}, evidence = {0};
	struct attest_collateral *collateral;
	struct attest_error error;

	dcap_fixture_collateral(&maker->dcap, &options, &bundle);
	dcap_fixture_root(&maker->dcap, &authority);
	collateral = fixture_collateral(&bundle, &authority);
	kernel.has_no_privlevel = kernel.has_no_aux = true;
	CHECK_EQ(ask(&kernel, root, -1, &evidence, &error), 0);
	attest_verify(given(&evidence), collateral, NULL, PKI_FIXTURE_NOW, result);
	CHECK(result->is_authentic);
	CHECK_EQ(result->claims[0].type, ATTEST_TYPE_TDX);
	CHECK(attest_result_binds(result, (struct attest_bytes){asked, strlen(asked)}));
	CHECK_EQ(kernel.inblob.size, 64);

	/* Its certificates are within; another file has none of it. */
	kernel.has_no_aux = false;
	bytes_put_text(&kernel.aux, "nothing of ours");
	CHECK_EQ(ask(&kernel, root, -1, &evidence, &error), 0);
	attest_verify(given(&evidence), collateral, NULL, PKI_FIXTURE_NOW, result);
	CHECK(result->is_authentic);
	kernel.make = make_nothing;
	CHECK_EQ(ask(&kernel, root, -1, &evidence, &error), -EPROTO);
	attest_collateral_free(collateral);
	bytes_done(&bundle);
	bytes_done(&authority);
	bytes_done(&evidence);
	tsm_fixture_done(&kernel);
	free(result);
}

static void test_snp(struct maker *maker, const char *root)
{
	struct tsm_fixture kernel = {.provider = "sev_guest", .make = make_report, .data = maker};
	struct bytes evidence = {0};
	struct attest_error error;

	maker->size = SNP_SIZE;
	CHECK_EQ(ask(&kernel, root, -1, &evidence, &error), 0);
	CHECK_EQ(evidence.size, SNP_SIZE);
	CHECK(!memcmp(evidence.data + 0x50, asked, strlen(asked)));
	bytes_put_text(&kernel.aux, "certificates");
	CHECK_EQ(ask(&kernel, root, 2, &evidence, &error), 0);
	CHECK_EQ(evidence.size, SNP_SIZE + 12);
	CHECK(!memcmp(evidence.data + SNP_SIZE, "certificates", 12));
	CHECK(kernel.privlevel.size == 2 && !memcmp(kernel.privlevel.data, "2\n", 2));
	kernel.has_no_aux = true;
	CHECK_EQ(ask(&kernel, root, -1, &evidence, &error), 0);
	CHECK_EQ(evidence.size, SNP_SIZE);
	kernel.has_no_privlevel = true;
	CHECK_EQ(ask(&kernel, root, 2, &evidence, &error), -ENOENT);
	CHECK(strstr(error.reason, "privlevel"));
	for (maker->size = SNP_SIZE - 1; maker->size <= SNP_SIZE + 1; maker->size += 2)
		CHECK_EQ(ask(&kernel, root, -1, &evidence, &error), -EPROTO);
	maker->size = ATTEST_EVIDENCE_SIZE_MAX;
	CHECK_EQ(ask(&kernel, root, -1, &evidence, &error), -EFBIG);
	bytes_done(&evidence);
	tsm_fixture_done(&kernel);
}

static void test_others(struct maker *maker, const char *root)
{
	struct tsm_fixture kernel = {.provider = "sev_guest", .make = make_report, .data = maker};
	struct bytes evidence = {0};
	struct attest_error error;

	maker->size = SNP_SIZE;
	kernel.others = 4;
	CHECK_EQ(ask(&kernel, root, -1, &evidence, &error), 0);
	CHECK_EQ(kernel.writes, 5 + 4);
	kernel.others = 5;
	CHECK_EQ(ask(&kernel, root, -1, &evidence, &error), -EAGAIN);
	CHECK(strstr(error.reason, "written to by others"));
	kernel.writes = ULONG_MAX;
	CHECK_EQ(ask(&kernel, root, -1, &evidence, &error), 0);
	/* The request from before is still there: it must not pass for ours. */
	kernel.drops_writes = true;
	CHECK_EQ(ask(&kernel, root, -1, &evidence, &error), -EAGAIN);
	kernel.drops_writes = false;
	kernel.generation = "";
	CHECK_EQ(ask(&kernel, root, -1, &evidence, &error), -EPROTO);
	kernel.generation = "12 monkeys";
	CHECK_EQ(ask(&kernel, root, -1, &evidence, &error), -EPROTO);
	kernel.generation = "99999999999999999999999";
	CHECK_EQ(ask(&kernel, root, -1, &evidence, &error), -EPROTO);
	bytes_done(&evidence);
	tsm_fixture_done(&kernel);
}

static void test_none(struct maker *maker, const char *root)
{
	struct tsm_fixture kernel = {.make = make_report, .data = maker};
	struct attest_platform *platform;
	struct bytes evidence = {0};
	struct attest_error error;

	CHECK_EQ(ask(&kernel, root, -1, &evidence, &error), -ENXIO);
	CHECK(strstr(error.reason, "tdx_guest"));
	kernel.provider = "arm_cca_guest";
	CHECK_EQ(ask(&kernel, root, -1, &evidence, &error), -EOPNOTSUPP);
	CHECK(strstr(error.reason, "arm_cca_guest"));
	CHECK_EQ(ask(&kernel, "does/not/exist", -1, &evidence, &error), -ENOENT);
	CHECK(strstr(error.reason, "does/not/exist"));
	CHECK_EQ(attest_platform_tsm_new(NULL, 4, &platform), -EINVAL);
	CHECK_EQ(attest_platform_tsm_new(NULL, -2, &platform), -EINVAL);
	CHECK_EQ(attest_platform_tsm_new(NULL, -1, &platform), 0);
	attest_platform_free(platform);
	bytes_done(&evidence);
	tsm_fixture_done(&kernel);
}

int main(void)
{
	char root[] = "tsm-XXXXXX";
	struct maker maker = {0};

	if (!mkdtemp(root))
		abort();
	dcap_fixture_init(&maker.dcap);
	test_tdx(&maker, root);
	test_snp(&maker, root);
	test_others(&maker, root);
	test_none(&maker, root);
	dcap_fixture_done(&maker.dcap);
	CHECK_EQ(rmdir(root), 0); /* nothing is left in it */
	return test_done();
}
