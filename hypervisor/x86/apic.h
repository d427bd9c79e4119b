/* The local APIC's interrupt command register, and what Linux may not send with it: INIT and
 * STARTUP bring a processor to bare metal, SMI runs foreign code (APM volume 2, 16.5). Where the
 * processor has no x2APIC mode on, the register is in memory: Linux's writes to that page are
 * decoded and carried out. */
#ifndef HYPERVISOR_X86_APIC_H
#define HYPERVISOR_X86_APIC_H

#include "base/compiler.h"

#define APIC_FRAME 0xfee00UL

/* Does this processor's APIC stand where we expect it? */
bool apic_is_supported(void);
/* May Linux write @value to the register at @offset (x2APIC: 16 x its number there)? */
bool apic_may_write(uint32_t offset, uint32_t value);
void apic_write(uint32_t offset, uint32_t value);
uint32_t apic_read(uint32_t offset);

#endif
