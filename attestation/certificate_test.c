/* Chains that are not as they should be, whether their leaf comes with evidence or with collateral:
 * there they are followed before any evidence is seen, and the verdict must be the same. */
#include "attestation/collateral.h"

#include "attestation/evidence_fixture.h"
#include "base/compiler.h"
#include "base/test.h"

#define LEAF_SERIAL 3
#define CA_SERIAL 2

enum list {
	LIST_GOOD,
	LIST_MISSING,
	LIST_REVOKES_LEAF,
	LIST_REVOKES_CA,
	LIST_OF_ANOTHER_KEY,
	LIST_SHA1,
	LIST_PARTIAL,
};

/* All 0: root, CA, leaf and both lists, and nothing is wrong. */
struct quirk {
	const char *what;
	enum attest_verdict verdict; /* ACCEPTED: nothing is found */
	const char *root_constraints, *ca_constraints, *ca_usage;
	bool is_leaf_critical, is_ca_sha1, is_leaf_sha1, is_ca_forged, is_leaf_forged;
	bool is_ca_expired, is_ca_renewed, is_leaf_expired, is_root_expired;
	long root_serial; /* 0: 1 */
	enum list list;
};

static const struct quirk quirks[] = {
	{"as it should be", ATTEST_ACCEPTED, .root_serial = 1},
	{"a root of a negative serial number, as AMD's", ATTEST_ACCEPTED, .root_serial = -5},
	{"a CA that may sign for leaves only", ATTEST_ACCEPTED,
		.ca_constraints = "critical,CA:TRUE,pathlen:0"},
	{"a root that may sign for one CA", ATTEST_ACCEPTED,
		.root_constraints = "critical,CA:TRUE,pathlen:1"},
	{"a root that may sign for leaves only", ATTEST_CHAIN_INVALID,
		.root_constraints = "critical,CA:TRUE,pathlen:0"},
	{"a CA that is none", ATTEST_CHAIN_INVALID, .ca_constraints = "critical,CA:FALSE"},
	{"a CA that may not sign certificates", ATTEST_CHAIN_INVALID,
		.ca_usage = "critical,cRLSign"},
	{"a CA that may not sign lists", ATTEST_COLLATERAL_MISSING,
		.ca_usage = "critical,keyCertSign"},
	{"a critical extension of nobody knows what", ATTEST_CHAIN_INVALID,
		.is_leaf_critical = true},
	{"a CA signed over SHA-1", ATTEST_CHAIN_INVALID, .is_ca_sha1 = true},
	{"a leaf signed over SHA-1", ATTEST_CHAIN_INVALID, .is_leaf_sha1 = true},
	{"a CA of another's signature", ATTEST_CHAIN_INVALID, .is_ca_forged = true},
	{"a leaf of another's signature", ATTEST_CHAIN_INVALID, .is_leaf_forged = true},
	{"an expired root", ATTEST_CERTIFICATE_EXPIRED, .is_root_expired = true},
	{"an expired CA", ATTEST_CERTIFICATE_EXPIRED, .is_ca_expired = true},
	{"an expired CA, and the same renewed", ATTEST_ACCEPTED, .is_ca_expired = true,
		.is_ca_renewed = true},
	{"an expired leaf", ATTEST_CERTIFICATE_EXPIRED, .is_leaf_expired = true},
	{"no list of the CA's", ATTEST_COLLATERAL_MISSING, .list = LIST_MISSING},
	{"a revoked leaf", ATTEST_CERTIFICATE_REVOKED, .list = LIST_REVOKES_LEAF},
	{"a revoked CA", ATTEST_CERTIFICATE_REVOKED, .list = LIST_REVOKES_CA},
	{"a list of another's signature", ATTEST_CRL_INVALID, .list = LIST_OF_ANOTHER_KEY},
	{"a list signed over SHA-1", ATTEST_CRL_INVALID, .list = LIST_SHA1},
	{"a list of some certificates only", ATTEST_CRL_INVALID, .list = LIST_PARTIAL},
};

struct chain {
	EVP_PKEY *keys[4]; /* root, CA, leaf, somebody's */
	X509 *root, *ca, *renewed_ca, *leaf;
};

#define EXPIRED (PKI_FIXTURE_NOW - 1)

static void make_ca(struct chain *chain, const struct quirk *quirk)
{
	struct pki_request request = {.name = "CA",
		.key = chain->keys[1],
		.issuer_key = chain->keys[quirk->is_ca_forged ? 3 : 0],
		.issuer = chain->root,
		.is_ca = true,
		.is_sha1 = quirk->is_ca_sha1,
		.constraints = quirk->ca_constraints,
		.usage = quirk->ca_usage,
		.serial = CA_SERIAL,
		.to = quirk->is_ca_expired ? EXPIRED : 0};

	chain->ca = pki_certificate(&request);
	request.to = 0;
	request.serial = 20;
	chain->renewed_ca = pki_certificate(&request);
}

static void make_chain(struct chain *chain, const struct quirk *quirk)
{
	struct bytes content = {0};
	struct pki_extension unknown = {.oid = "1.2.3.4", .content = &content, .is_critical = true};

	bytes_put_der_unsigned(&content, 1);
	chain->root = pki_certificate(&(struct pki_request){.name = "Root",
		.key = chain->keys[0],
		.issuer_key = chain->keys[0],
		.is_ca = true,
		.constraints = quirk->root_constraints,
		.serial = quirk->root_serial ? quirk->root_serial : 1,
		.to = quirk->is_root_expired ? EXPIRED : 0});
	make_ca(chain, quirk);
	chain->leaf = pki_certificate(&(struct pki_request){.name = "Leaf",
		.key = chain->keys[2],
		.issuer_key = chain->keys[quirk->is_leaf_forged ? 3 : 1],
		.issuer = chain->ca,
		.is_sha1 = quirk->is_leaf_sha1,
		.serial = LEAF_SERIAL,
		.to = quirk->is_leaf_expired ? EXPIRED : 0,
		.extensions = &unknown,
		.extension_count = quirk->is_leaf_critical});
	bytes_done(&content);
}

static void chain_done(struct chain *chain)
{
	X509_free(chain->root);
	X509_free(chain->ca);
	X509_free(chain->renewed_ca);
	X509_free(chain->leaf);
}

static void put_lists(const struct chain *chain, enum list kind, struct bytes lists[2])
{
	pki_crl(&(struct pki_list){.issuer = chain->root,
			.key = chain->keys[0],
			.revoked = kind == LIST_REVOKES_CA ? CA_SERIAL : 0},
		&lists[0]);
	if (kind == LIST_MISSING)
		return;
	pki_crl(&(struct pki_list){.issuer = chain->ca,
			.key = chain->keys[kind == LIST_OF_ANOTHER_KEY ? 3 : 1],
			.revoked = kind == LIST_REVOKES_LEAF ? LEAF_SERIAL : 0,
			.is_sha1 = kind == LIST_SHA1,
			.is_partial = kind == LIST_PARTIAL},
		&lists[1]);
}

/* The CA and the lists, and the leaf too if @has_leaf. */
static struct attest_collateral *read_collateral(const struct chain *chain,
	const struct quirk *quirk, bool has_leaf, struct attest_error *error)
{
	struct bytes root = {0}, certificates = {0}, lists[2] = {{0}};
	const struct bytes *items[] = {&certificates, &lists[0], &lists[1]};
	struct attest_collateral *collateral;

	pki_put_pem(&root, chain->root);
	if (has_leaf)
		pki_put_pem(&certificates, chain->leaf);
	pki_put_pem(&certificates, chain->ca);
	if (quirk->is_ca_renewed)
		pki_put_pem(&certificates, chain->renewed_ca);
	put_lists(chain, quirk->list, lists);
	collateral = fixture_collateral_of(items, ARRAY_SIZE(items), &root, error);
	bytes_done(&root);
	bytes_done(&certificates);
	bytes_done(&lists[0]);
	bytes_done(&lists[1]);
	return collateral;
}

static X509 *find_leaf(const struct attest_collateral *collateral, X509 *leaf)
{
	for (size_t i = 0; i < collateral->known_count; i++)
		if (X509_cmp(collateral->known[i].certificate, leaf) == 0)
			return collateral->known[i].certificate;
	return leaf;
}

static enum attest_verdict follow(
	const struct chain *chain, const struct quirk *quirk, bool has_leaf)
{
	struct attest_result *result = calloc(1, sizeof(*result));
	struct attest_error error = {0};
	struct attest_collateral *collateral = read_collateral(chain, quirk, has_leaf, &error);
	enum attest_verdict verdict = error.verdict;

	if (collateral) {
		struct certificate_check check = {.leaf = find_leaf(collateral, chain->leaf),
			.collateral = collateral,
			.now = PKI_FIXTURE_NOW,
			.need = CERTIFICATE_CRL_REQUIRED,
			.what = "leaf"};
		int r = certificate_verify(&check, result, NULL);

		verdict = result->finding_count ? result->findings[0].verdict : ATTEST_ACCEPTED;
		CHECK_EQ(r < 0, verdict == ATTEST_CHAIN_INVALID);
	}
	attest_collateral_free(collateral);
	free(result);
	return verdict;
}

static void check_quirk(struct chain *chain, const struct quirk *quirk)
{
	enum attest_verdict with_evidence, with_collateral;

	make_chain(chain, quirk);
	with_evidence = follow(chain, quirk, false);
	with_collateral = follow(chain, quirk, true);
	test_report(with_evidence == quirk->verdict && with_collateral == quirk->verdict,
		quirk->what, __FILE__, __LINE__);
	if (with_evidence != quirk->verdict || with_collateral != quirk->verdict)
		printf("# got %s and %s\n", attest_verdict_name(with_evidence),
			attest_verdict_name(with_collateral));
	chain_done(chain);
}

int main(void)
{
	struct chain chain = {
		.keys = {pki_key("P-256"), pki_key("P-256"), pki_key("P-256"), pki_key("P-256")}};

	for (size_t i = 0; i < ARRAY_SIZE(quirks); i++)
		check_quirk(&chain, &quirks[i]);
	for (size_t i = 0; i < ARRAY_SIZE(chain.keys); i++)
		EVP_PKEY_free(chain.keys[i]);
	return test_done();
}
