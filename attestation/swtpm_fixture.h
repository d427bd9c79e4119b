/* For tests: a TPM 2.0 in software, swtpm, in a directory of its own below the current one. */
#ifndef ATTESTATION_SWTPM_FIXTURE_H
#define ATTESTATION_SWTPM_FIXTURE_H

#include <stdbool.h>
#include <sys/types.h>

struct swtpm_fixture {
	pid_t pid;
	char directory[32], tcti[64];
};

/* Is the program there? */
bool swtpm_fixture_is_installed(void);

/* It listens when this returns. @name: of the directory. The control socket is where libtss2 looks
 * for it: the name of the other and ".ctrl". */
void swtpm_fixture_init(struct swtpm_fixture *tpm, const char *name);
void swtpm_fixture_done(struct swtpm_fixture *tpm);

#endif
