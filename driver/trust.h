/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a launch tells the TPM, and what it gets from it: the hypervisor's root key
 * (hypervisor/SPEC.md, "Launch"). Under life_lock.
 */
#ifndef DRIVER_TRUST_H
#define DRIVER_TRUST_H

#include "abi/driver.h"
#include "abi/hypervisor.h"

struct firmware;

/* Measure @file and what @boot says; put the root key into @boot, if the TPM gives one, after which
 * it gives it to nobody else before the machine is reset. Whatever goes wrong, the launch goes on:
 * the hypervisor then draws a key of its own. */
void trust_establish(struct hypervisor_boot *boot, const struct firmware *file);
/* How the last launch went: CASEMATE_TRUST_... */
u32 trust_state(void);

/* The events of all launches since the machine was reset. -EFAULT, -EMSGSIZE: no room. */
long trust_event_log(struct casemate_event_log __user *argument);

#endif
