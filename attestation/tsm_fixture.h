/* For tests: a kernel's configfs-tsm, played behind the calls that reach it. It is no kernel: link
 * with the four names given to --wrap (meson.build), and what openat(2), close(2),
 * mkdirat(2) and unlinkat(2) do with files of these names is as
 * Documentation/ABI/testing/configfs-tsm has it: binary attributes are taken at close, reports made
 * at the first read, each write counted. */
#ifndef ATTESTATION_TSM_FIXTURE_H
#define ATTESTATION_TSM_FIXTURE_H

#include "attestation/pki_fixture.h"

struct tsm_fixture {
	const char *provider; /* NULL: no driver */
	/* The report for the request that @inblob holds. */
	void (*make)(void *data, const struct bytes *inblob, struct bytes *to);
	void *data;
	struct bytes aux;
	bool has_no_aux, has_no_privlevel;
	bool drops_writes;      /* they are not taken, which close(2) does not tell */
	unsigned int others;    /* so many times someone else writes after us */
	const char *generation; /* instead of the number */

	/* What it saw. */
	struct bytes inblob, privlevel;
	unsigned long writes;
	unsigned int made, removed;
};

/* From now on; NULL: no longer. One at a time. */
void tsm_fixture_use(struct tsm_fixture *fixture);
void tsm_fixture_done(struct tsm_fixture *fixture);

#endif
