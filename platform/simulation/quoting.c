/* Evidence, which the launcher has made: abi/quoting.h. */
#include <asm/errno.h>

#include "abi/quoting.h"
#include "base/memory.h"
#include "platform/simulation/host_call.h"
#include "platform/simulation/simulation.h"

#define MESSAGE_NO_SIGNAL 0x4000 /* MSG_NOSIGNAL */
#define STALE_MAX 64
#define ERRNO_MAX 4095

_Static_assert(PLATFORM_QUOTE_SIZE_MAX == sizeof(struct quoting_answer) + QUOTING_EVIDENCE_SIZE_MAX,
	"the buffer is for the whole answer");

const char *platform_attestation_type(void)
{
	return simulation_launch.quoting_fd >= 0 ? "simulation" : NULL;
}

/* The answer of @size bytes at @to becomes the evidence in it: its size. -EAGAIN: to an earlier
 * request. */
static long take_answer(uint8_t *to, size_t size, uint64_t sequence)
{
	struct quoting_answer answer;

	if (size < sizeof(answer))
		return -EIO;
	memcpy(&answer, to, sizeof(answer));
	if (answer.sequence < sequence)
		return -EAGAIN;
	if (answer.sequence != sequence || answer.error < 0 || answer.error > ERRNO_MAX ||
		answer.error == EAGAIN)
		return -EIO;
	if (answer.error)
		return -answer.error;
	if (answer.size != size - sizeof(answer) || !answer.size)
		return -EIO;
	memmove(to, to + sizeof(answer), answer.size);
	return answer.size;
}

long platform_quote(const uint8_t report_data[64], uint8_t to[PLATFORM_QUOTE_SIZE_MAX])
{
	static uint64_t sequence;
	struct quoting_request request = {.sequence = ++sequence};
	int32_t fd = simulation_launch.quoting_fd;
	long n;

	if (fd < 0)
		return -EOPNOTSUPP;
	memcpy(request.report_data, report_data, sizeof(request.report_data));
	n = host_check_size(HOST_CALL_INTERRUPTIBLE(
				    sendto, fd, &request, sizeof(request), MESSAGE_NO_SIGNAL, 0, 0),
		sizeof(request));
	if (n != (long)sizeof(request))
		return n < 0 ? n : -EIO;
	for (int i = 0; i <= STALE_MAX; i++) {
		n = host_check_size(
			HOST_CALL_INTERRUPTIBLE(recvfrom, fd, to, PLATFORM_QUOTE_SIZE_MAX, 0, 0, 0),
			PLATFORM_QUOTE_SIZE_MAX);
		if (n >= 0)
			n = take_answer(to, (size_t)n, request.sequence);
		if (n != -EAGAIN)
			return n;
	}
	return -EIO;
}
