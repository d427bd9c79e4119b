/* Threads of the LibOS itself, each in a process that programs can't see. */
#ifndef LIBOS_PROCESSES_SERVICE_H
#define LIBOS_PROCESSES_SERVICE_H

#include "base/compiler.h"

struct service;

/* Run @serve(service) in a thread of its own, on an empty address space. No signal ever reaches it.
 * @name is a constant. *ret_service: for service_stop; NULL if it never ends. */
MUST_CHECK int service_start(const char *name, void (*serve)(struct service *service),
	void *context, struct service **ret_service);
void *service_context(const struct service *service);
/* End its sleep or its host call, and wait until serve has returned: it must have been told to.
 * NULL is fine. */
void service_stop(struct service *service);

#endif
