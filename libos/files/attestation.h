/* /dev/attestation: a program has evidence made of the enclave that it runs in. The files are those
 * of Gramine ("Attestation and Secret Provisioning" in its manual), so that programs which know
 * them find them. casemate-attestation(4) says what differs. */
#ifndef LIBOS_FILES_ATTESTATION_H
#define LIBOS_FILES_ATTESTATION_H

#include "base/compiler.h"

struct process;

/* At /dev/attestation. */
MUST_CHECK int attestation_mount(void);

/* What a process has asked for. Its children begin with the same; exec changes nothing. */
struct attestation_request;
void attestation_request_inherit(struct process *child, struct process *parent);
void attestation_request_unref(struct attestation_request *request);

#endif
