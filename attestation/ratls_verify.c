/* Attested certificates in a TLS connection: the callback that judges the peer's. */
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "attestation/attestation.h"
#include "attestation/certificate.h"

static bool judge(X509 *certificate, const struct attest_ratls_peer *peer)
{
	struct attest_result *result = malloc(sizeof(*result));
	uint8_t *der = NULL;
	int size = certificate ? i2d_X509(certificate, &der) : 0;
	bool is_good = false;

	if (result && size > 0) {
		attest_verify((struct attest_bytes){der, (size_t)size}, peer->collateral,
			peer->policy, peer->now(peer->data), result);
		is_good = result->verdict == ATTEST_ACCEPTED;
		if (peer->judged)
			peer->judged(peer->data, result);
	}
	OPENSSL_free(der);
	free(result);
	ERR_clear_error();
	return is_good;
}

int attest_ratls_verify(struct x509_store_ctx_st *store, void *peer)
{
	bool is_good = judge(X509_STORE_CTX_get0_cert(store), peer);

	X509_STORE_CTX_set_error(store, is_good ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
	return is_good;
}
