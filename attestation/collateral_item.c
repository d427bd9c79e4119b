#include "attestation/collateral_item.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "attestation/json_fields.h"
#include "attestation/json_span.h"
#include "attestation/pem.h"
#include "attestation/reader.h"
#include "attestation/signature.h"
#include "attestation/snp_certificate.h"

/* What Intel signs, with its signature: found first, checked when all certificates are there. */
struct signed_text {
	struct text_buffer text;
	uint8_t signature[64]; /* r, s */
	bool is_identity;
	size_t item; /* where it stood, from 1 */
};

#define SIGNED_MAX (COLLATERAL_TCB_INFOS_MAX + COLLATERAL_IDENTITIES_MAX)

struct sorting {
	struct attest_collateral *collateral;
	struct attest_error *error;
	struct signed_text texts[SIGNED_MAX];
	size_t text_count;
};

static int add(struct sorting *sorting, struct span item, unsigned int depth);

static int malformed(struct sorting *sorting, const char *what)
{
	return verdict_fail(sorting->error, ATTEST_COLLATERAL_MALFORMED, "%s", what);
}

/* X.509 revocation lists */

static int add_crl(struct sorting *sorting, X509_CRL *list)
{
	struct attest_collateral *collateral = sorting->collateral;

	if (collateral->crl_count == COLLATERAL_CRLS_MAX) {
		X509_CRL_free(list);
		return malformed(sorting, "too many revocation lists");
	}
	return crl_init(&collateral->crls[collateral->crl_count++], list, sorting->error);
}

static int add_der(struct sorting *sorting, struct span der)
{
	const uint8_t *at = der.data;
	X509_CRL *list;
	size_t size;
	X509 *certificate = certificate_from_der(der, &size);

	if (certificate) {
		X509_free(certificate);
		return certificates_add(sorting->collateral->certificates, der, sorting->error);
	}
	list = d2i_X509_CRL(NULL, &at, (long)der.size);
	ERR_clear_error();
	if (list)
		return add_crl(sorting, list);
	return malformed(sorting, "DER, but neither a certificate nor a revocation list");
}

/* PEM: certificates and revocation lists, mixed. */
static int add_pem(struct sorting *sorting, struct span text)
{
	size_t count = 0;

	for (;; count++) {
		CLEANUP(text_buffer_done) struct text_buffer content = {0};
		struct span label;
		int r = pem_next(&text, &label, &content);

		if (r == -ENOENT && count)
			return 0;
		if (r < 0)
			return malformed(sorting, "damaged PEM");
		if (!pem_label_is(label, "CERTIFICATE") && !pem_label_is(label, "X509 CRL"))
			return malformed(sorting,
				"a PEM block that is neither a certificate nor a revocation list");
		r = add_der(sorting, text_buffer_span(&content));
		if (r < 0)
			return r;
	}
}

/* Intel's service hands out chains in a header of HTTP, %-encoded. */
static int add_encoded_pem(struct sorting *sorting, struct span text)
{
	char *plain = malloc(text.size + 1);
	size_t size = 0;
	int r;

	if (!plain)
		return malformed(sorting, "out of memory");
	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.data[i];

		if (byte == '%' && i + 2 < text.size &&
			text_from_hex((const char *)text.data + i + 1, 2, &byte, 1))
			i += 2;
		plain[size++] = (char)byte;
	}
	r = add_pem(sorting, (struct span){(uint8_t *)plain, size});
	free(plain);
	return r;
}

/* JSON */

static bool is_there(struct span object, const char *name)
{
	struct span value;

	return json_span_member(object, name, &value);
}

static int add_signed(
	struct sorting *sorting, struct span text, struct span signature, bool is_identity)
{
	enum attest_verdict verdict =
		is_identity ? ATTEST_QE_IDENTITY_MALFORMED : ATTEST_TCB_INFO_MALFORMED;
	struct signed_text *to = &sorting->texts[sorting->text_count];

	if (sorting->text_count == SIGNED_MAX)
		return malformed(sorting, "too many items of TCB info and QE identity");
	if (!text_from_hex((const char *)signature.data, signature.size, to->signature, 64))
		return verdict_fail(
			sorting->error, verdict, "\"signature\" must be 64 bytes in hexadecimal");
	to->text.data = malloc(text.size + 1);
	if (!to->text.data)
		return malformed(sorting, "out of memory");
	memcpy(to->text.data, text.data, text.size);
	to->text.size = text.size;
	to->is_identity = is_identity;
	sorting->text_count++;
	return 0;
}

/* {"tcbInfo": {...}, "signature": "..."}: what is signed are the bytes between. */
static int add_standard(
	struct sorting *sorting, struct span object, const char *name, bool is_identity)
{
	struct span text, signature = {0};

	if (!json_span_member(object, name, &text) ||
		!json_span_member(object, "signature", &signature) || signature.size < 2 ||
		signature.data[0] != '"')
		return verdict_fail(sorting->error,
			is_identity ? ATTEST_QE_IDENTITY_MALFORMED : ATTEST_TCB_INFO_MALFORMED,
			"\"signature\" must be there once, a string");
	signature = (struct span){signature.data + 1, signature.size - 2};
	return add_signed(sorting, text, signature, is_identity);
}

static struct span string_span(const json_t *string)
{
	return (struct span){
		(const uint8_t *)json_string_value(string), json_string_length(string)};
}

/* The text as a string, its signature as another; or the whole in its standard form. */
static int add_quoted(struct sorting *sorting, const json_t *object, const char *name,
	const char *signature_name, bool is_identity)
{
	const json_t *text = json_object_get(object, name);
	const json_t *signature = json_object_get(object, signature_name);

	if (!text)
		return 0;
	if (!json_is_string(text))
		return malformed(sorting, "TCB info and QE identity must be strings in a bundle");
	if (is_there(string_span(text), "signature"))
		return add(sorting, string_span(text), 1);
	if (!json_is_string(signature))
		return malformed(sorting, "the signature of TCB info or QE identity is missing");
	return add_signed(sorting, string_span(text), string_span(signature), is_identity);
}

static int add_bundle(struct sorting *sorting, struct span text)
{
	static const char *const names[] = {"pck_crl_issuer_chain", "root_ca_crl", "pck_crl",
		"tcb_info_issuer_chain", "qe_identity_issuer_chain", "pck_certificate_chain",
		"pck_signing_chain", "certificates", "crl"};
	CLEANUP(json_freep)
	json_t *json = json_fields_parse(text, ATTEST_COLLATERAL_MALFORMED, sorting->error);
	int r;

	if (!json)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const json_t *value = json_object_get(json, names[i]);

		if (!value || json_is_null(value))
			continue;
		if (!json_is_string(value))
			return malformed(sorting, "the members of a bundle must be strings");
		r = add(sorting, string_span(value), 1);
		if (r < 0)
			return r;
	}
	r = add_quoted(sorting, json, "tcb_info", "tcb_info_signature", false);
	if (r < 0)
		return r;
	return add_quoted(sorting, json, "qe_identity", "qe_identity_signature", true);
}

static int add_json(struct sorting *sorting, struct span text, unsigned int depth)
{
	if (is_there(text, "tcbInfo"))
		return add_standard(sorting, text, "tcbInfo", false);
	if (is_there(text, "enclaveIdentity"))
		return add_standard(sorting, text, "enclaveIdentity", true);
	if (is_there(text, "qeIdentity"))
		return add_standard(sorting, text, "qeIdentity", true);
	if (depth == 0 && (is_there(text, "tcb_info") || is_there(text, "qe_identity") ||
				  is_there(text, "pck_crl") || is_there(text, "root_ca_crl") ||
				  is_there(text, "certificates") || is_there(text, "crl")))
		return add_bundle(sorting, text);
	return malformed(sorting, "JSON, but neither TCB info nor a QE identity nor a bundle");
}

static int add_blob(struct sorting *sorting, struct span item)
{
	struct attest_collateral *collateral = sorting->collateral;
	struct text_buffer *to = &collateral->blobs[collateral->blob_count];

	if (collateral->blob_count == COLLATERAL_BLOBS_MAX)
		return malformed(sorting, "too many certificates of Hygon's");
	to->data = malloc(item.size + 1);
	if (!to->data)
		return malformed(sorting, "out of memory");
	memcpy(to->data, item.data, item.size);
	to->size = item.size;
	collateral->blob_count++;
	return 0;
}

/* Hygon's are binary, and have no magic number but their version, which DER and text can't begin
 * with. */
static bool is_hygon(struct span item)
{
	return item.size >= 64 && item.data[0] <= 2 && !item.data[1] && !item.data[2] &&
	       !item.data[3];
}

static int add_hex(struct sorting *sorting, struct span text, unsigned int depth)
{
	struct text_buffer bytes = {0};
	int r = text_from_hex_any((const char *)text.data, text.size, &bytes);

	if (r < 0)
		r = text_from_base64((const char *)text.data, text.size, &bytes);
	if (r < 0 || !bytes.size || bytes.data[0] != 0x30 || depth > 1)
		r = malformed(sorting, "neither PEM, DER, JSON nor hexadecimal of these");
	else
		r = add_der(sorting, text_buffer_span(&bytes));
	text_buffer_done(&bytes);
	return r;
}

static struct span trimmed(struct span text)
{
	while (text.size && strchr(" \t\r\n", text.data[0])) {
		text.data++;
		text.size--;
	}
	while (text.size && strchr(" \t\r\n", text.data[text.size - 1]))
		text.size--;
	return text;
}

static int add(struct sorting *sorting, struct span item, unsigned int depth)
{
	struct span text;

	if (item.size > ATTEST_EVIDENCE_SIZE_MAX)
		return malformed(sorting, "too large");
	if (snp_certificate_table_is(item))
		return snp_certificate_table_read(
			item, sorting->collateral->certificates, sorting->error);
	if (is_hygon(item))
		return add_blob(sorting, item);
	if (item.size && item.data[0] == 0x30)
		return add_der(sorting, item);
	text = trimmed(item);
	if (!text.size || !text.data) /* the second for the compiler's sake */
		return malformed(sorting, "empty");
	if (text.data[0] == '{')
		return add_json(sorting, text, depth);
	if (memmem(text.data, text.size, "-----BEGIN%20", 13))
		return add_encoded_pem(sorting, text);
	if (memmem(text.data, text.size, "-----BEGIN ", 11))
		return add_pem(sorting, text);
	return add_hex(sorting, text, depth);
}

/* Signed texts */

/* Who may sign TCB info: not just anybody below Intel's root. */
#define TCB_SIGNER_NAME "Intel SGX TCB Signing"

static X509 *find_signer(const struct attest_collateral *collateral, const struct signed_text *text,
	bool *ret_is_known)
{
	struct span signature = {text->signature, sizeof(text->signature)};

	*ret_is_known = false;
	for (int i = 0; i < sk_X509_num(collateral->certificates); i++) {
		X509 *certificate = sk_X509_value(collateral->certificates, i);

		if (!certificate_is_named(certificate, TCB_SIGNER_NAME))
			continue;
		*ret_is_known = true;
		if (signature_is_p256(X509_get0_pubkey(certificate), text_buffer_span(&text->text),
			    signature))
			return certificate;
	}
	return NULL;
}

static int keep(struct sorting *sorting, const struct signed_text *text, X509 *signer)
{
	struct attest_collateral *to = sorting->collateral;
	int r;

	if (text->is_identity) {
		if (to->identity_count == COLLATERAL_IDENTITIES_MAX)
			return malformed(sorting, "too many QE identities");
		r = enclave_identity_parse(text_buffer_span(&text->text),
			&to->identities[to->identity_count], sorting->error);
		if (r < 0)
			return r;
		to->identities[to->identity_count++]->signer = signer;
	} else {
		if (to->tcb_info_count == COLLATERAL_TCB_INFOS_MAX)
			return malformed(sorting, "too many items of TCB info");
		r = tcb_info_parse(text_buffer_span(&text->text),
			&to->tcb_infos[to->tcb_info_count], sorting->error);
		if (r < 0)
			return r;
		to->tcb_infos[to->tcb_info_count++]->signer = signer;
	}
	X509_up_ref(signer);
	return 0;
}

/* What can't be parsed is said before what is not signed: it is what whoever made it can mend. */
static int check_syntax(struct sorting *sorting, const struct signed_text *text)
{
	struct enclave_identity *identity = NULL;
	struct tcb_info *info = NULL;
	int r = text->is_identity
			? enclave_identity_parse(
				  text_buffer_span(&text->text), &identity, sorting->error)
			: tcb_info_parse(text_buffer_span(&text->text), &info, sorting->error);

	enclave_identity_free(identity);
	tcb_info_free(info);
	return r;
}

static int settle(struct sorting *sorting, const struct signed_text *text)
{
	const char *what = text->is_identity ? "QE identity" : "TCB info";
	bool is_known;
	X509 *signer = find_signer(sorting->collateral, text, &is_known);
	int r = check_syntax(sorting, text);

	if (r < 0)
		return r;
	if (signer)
		return keep(sorting, text, signer);
	if (!is_known)
		return verdict_fail(sorting->error, ATTEST_COLLATERAL_MISSING,
			"%s: the certificate of its signer is missing", what);
	return verdict_fail(sorting->error,
		text->is_identity ? ATTEST_QE_IDENTITY_SIGNATURE_INVALID
				  : ATTEST_TCB_INFO_SIGNATURE_INVALID,
		"%s: its signature is not the TCB signing key's", what);
}

int collateral_add_items(struct attest_collateral *collateral, const struct attest_bytes *items,
	size_t count, struct attest_error *error)
{
	struct sorting *sorting = calloc(1, sizeof(*sorting));
	int r = 0;

	if (!sorting) {
		verdict_fail(error, ATTEST_INTERNAL_ERROR, "out of memory");
		return -ENOMEM;
	}
	sorting->collateral = collateral;
	sorting->error = error;
	for (size_t i = 0; r == 0 && i < count; i++) {
		size_t before = sorting->text_count;

		r = add(sorting, (struct span){items[i].data, items[i].size}, 0);
		if (r < 0)
			verdict_name_item(error, "item", i + 1);
		for (; before < sorting->text_count; before++)
			sorting->texts[before].item = i + 1;
	}
	for (size_t i = 0; r == 0 && i < sorting->text_count; i++) {
		r = settle(sorting, &sorting->texts[i]);
		if (r < 0)
			verdict_name_item(error, "item", sorting->texts[i].item);
	}
	for (size_t i = 0; i < sorting->text_count; i++)
		text_buffer_done(&sorting->texts[i].text);
	free(sorting);
	return r;
}
