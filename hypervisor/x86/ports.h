/* Ports whose use would hand memory to someone who is not below us: sleep, and resets that keep
 * what memory holds. Secrets are wiped before a reset goes through; sleep is not entered. */
#ifndef HYPERVISOR_X86_PORTS_H
#define HYPERVISOR_X86_PORTS_H

#include "abi/hypervisor.h"
#include "base/compiler.h"

void ports_init(const struct hypervisor_ports *ports, uint8_t *linux_map, uint64_t linux_address,
	uint8_t *enclave_map, uint64_t enclave_address);
uint64_t ports_linux_map(void);   /* physical addresses, for control blocks */
uint64_t ports_enclave_map(void); /* every access exits */

enum port_verdict { PORT_ALLOWED, PORT_DENIED, PORT_RESETS };
enum port_verdict ports_judge_write(uint16_t port, uint32_t value, unsigned int size);

#endif
