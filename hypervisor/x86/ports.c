#include "hypervisor/x86/ports.h"

#include "base/memory.h"

#define PORT_KEYBOARD 0x64 /* 0xfe pulses the reset line */
#define PORT_KEYBOARD_RESET 0xfe
#define PORT_FAST_RESET 0x92     /* bit 0 */
#define PORT_RESET_CONTROL 0xcf9 /* bit 2 */

#define SLEEP_TYPE(value) ((value) >> 10 & 7) /* ACPI 4.8.3.2.1: SLP_TYP, SLP_EN */
#define SLEEP_ENABLE (1U << 13)

static struct hypervisor_ports known;
static uint64_t maps[2];

static void intercept(uint8_t *map, uint16_t port)
{
	if (port)
		map[port / 8] = (uint8_t)(map[port / 8] | 1U << port % 8);
}

void ports_init(const struct hypervisor_ports *ports, uint8_t *linux_map, uint64_t linux_address,
	uint8_t *enclave_map, uint64_t enclave_address)
{
	known = *ports;
	maps[0] = linux_address;
	maps[1] = enclave_address;
	memset(enclave_map, 0xff, 3 * PAGE_SIZE);
	for (unsigned int i = 0; i < 2; i++) {
		/* A register of two bytes, and its upper one alone. */
		intercept(linux_map, known.sleep[i]);
		if (known.sleep[i])
			intercept(linux_map, (uint16_t)(known.sleep[i] + 1));
	}
	intercept(linux_map, known.reset);
	intercept(linux_map, PORT_KEYBOARD);
	intercept(linux_map, PORT_FAST_RESET);
	intercept(linux_map, PORT_RESET_CONTROL);
}

uint64_t ports_linux_map(void)
{
	return maps[0];
}

uint64_t ports_enclave_map(void)
{
	return maps[1];
}

/* What a write of several bytes puts into one port; false: nothing. */
static bool byte_at(uint16_t port, uint16_t from, uint32_t value, unsigned int size, uint8_t *ret)
{
	unsigned int i = (unsigned int)port - from;

	if (i >= size)
		return false;
	*ret = (uint8_t)(value >> 8 * i);
	return true;
}

static enum port_verdict judge_sleep(uint16_t port, uint32_t value, unsigned int size)
{
	for (unsigned int i = 0; i < 2; i++) {
		uint8_t high;

		if (!known.sleep[i] ||
			!byte_at((uint16_t)(known.sleep[i] + 1), port, value, size, &high))
			continue;
		if (!((uint32_t)high << 8 & SLEEP_ENABLE))
			continue;
		if (SLEEP_TYPE((uint32_t)high << 8) != known.sleep_off[i])
			return PORT_DENIED;
		return PORT_RESETS;
	}
	return PORT_ALLOWED;
}

enum port_verdict ports_judge_write(uint16_t port, uint32_t value, unsigned int size)
{
	uint8_t byte;

	if (byte_at(PORT_KEYBOARD, port, value, size, &byte) && byte == PORT_KEYBOARD_RESET)
		return PORT_RESETS;
	if (byte_at(PORT_FAST_RESET, port, value, size, &byte) && byte & 1)
		return PORT_RESETS;
	if (byte_at(PORT_RESET_CONTROL, port, value, size, &byte) && byte & 4)
		return PORT_RESETS;
	if (known.reset && byte_at(known.reset, port, value, size, &byte) &&
		byte == known.reset_value)
		return PORT_RESETS;
	return judge_sleep(port, value, size);
}
