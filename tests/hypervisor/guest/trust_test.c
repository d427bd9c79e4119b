/* The root key and the TPM.
 *
 *	trust_test KIND FILE: KIND is none (there is no TPM), first, image (the hypervisor's file is
 *another one), pcr (another thing was booted, and the driver forgets the cap)
 *
 * Prints the enclave's sealing key, which boot.py compares over boots ("@@ key KIND VALUE"). No
 * enclave in earnest would tell. */
#include "base/memory.h"
#include "hypervisor/hmac.h"
#include "tests/hypervisor/guest/tpm.h"

#define PCR_COUNT 8
static const uint32_t pcrs[PCR_COUNT] = {0, 2, 4, 7, 8, 9, 12, CASEMATE_LAUNCH_PCR};

static uint8_t at_launch[PCR_COUNT][32];

/* Never chosen here, but sha256.c names it. */
void sha256_blocks_ni(uint32_t state[8], const uint8_t *from, size_t count)
{
	sha256_blocks_portable(state, from, count);
}

static struct casemate_status status(void)
{
	struct casemate_status s = {0};
	int fd = open(CASEMATE_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, CASEMATE_IOC_STATUS, &s) < 0)
		exit(1);
	close(fd);
	return s;
}

static uint64_t sealing_key(const char *path)
{
	struct image image;
	int fd = start(path, &image);
	int64_t key = fd < 0 ? 0 : enter(fd, image.tcs, TEST_SEAL_ENCLAVE, 0, 0, 0);

	close(fd);
	return (uint64_t)key;
}

static bool turn(bool on)
{
	return system(on ? "casemate hypervisor enable" : "casemate hypervisor disable") == 0;
}

/* ---- The event log ---- */

static uint8_t events[CASEMATE_EVENT_LOG_SIZE_MAX];

static uint32_t le32(size_t at)
{
	uint32_t value;

	memcpy(&value, events + at, 4);
	return value;
}

static size_t bank_size(uint16_t algorithm)
{
	switch (algorithm) {
	case 4:
		return 20;
	case 0xc:
		return 48;
	case 0xd:
		return 64;
	}
	return 32;
}

/* Replays the events into @value; @ret_first: after the first one. Returns how many there are, if
 * each has the digest of what it says. */
static int replay(size_t size, uint8_t value[32], uint8_t ret_first[32], const uint8_t image[32])
{
	int count = 0;

	for (size_t at = 0; at < size; count++) {
		uint32_t banks = le32(at + 8), length;
		const uint8_t *sha256_digest = NULL;
		uint8_t digest[32];

		if (le32(at) != CASEMATE_LAUNCH_PCR)
			return -1;
		for (at += 12; banks; banks--) {
			uint16_t algorithm = (uint16_t)le32(at);

			if (algorithm == 0xb)
				sha256_digest = events + at + 2;
			at += 2 + bank_size(algorithm);
		}
		length = le32(at);
		at += 4;
		sha256(events + at, length, digest);
		if (!sha256_digest || memcmp(digest, sha256_digest, 32) != 0)
			return -1;
		if (count == 0 && (le32(at) != CASEMATE_EVENT_LAUNCH ||
					  memcmp(events + at + 20, image, 32) != 0))
			return -1;
		tpm_extend_value(value, digest);
		if (count == 0)
			memcpy(ret_first, value, 32);
		at += length;
	}
	return count;
}

static void hash_image(uint8_t ret_digest[32])
{
	static uint8_t image[1 << 20];
	FILE *file = fopen("/lib/firmware/" CASEMATE_FIRMWARE, "re");
	size_t size = file ? fread(image, 1, sizeof(image), file) : 0;

	if (file)
		fclose(file);
	sha256(image, size, ret_digest);
}

static void check_event_log(int wanted)
{
	struct casemate_event_log log = {.to = (uint64_t)events, .size = 10};
	uint8_t value[32] = {0}, now[32] = {1}, image[32];
	int fd = open(CASEMATE_DEVICE, O_RDWR | O_CLOEXEC), r;

	point(ioctl(fd, CASEMATE_IOC_EVENT_LOG, &log) < 0 && errno == EMSGSIZE,
		"an event log needs room");
	log.size = sizeof(events);
	r = ioctl(fd, CASEMATE_IOC_EVENT_LOG, &log);
	close(fd);
	hash_image(image);
	point(r == 0 && replay(log.size, value, at_launch[PCR_COUNT - 1], image) == wanted,
		"the event log tells of the launch, and of the file that was launched");
	point(tpm_pcr_read(CASEMATE_LAUNCH_PCR, now) && memcmp(now, value, 32) == 0,
		"it leads to the PCR's value");
}

/* ---- The key ---- */

static uint64_t derive(const uint8_t root[32], const struct sgx_sigstruct *sigstruct)
{
	uint8_t context[116] = {0}, key[32];
	uint64_t attributes[2] = {SGX_ATTRIBUTE_MODE64BIT | SGX_ATTRIBUTE_INIT, SGX_XFRM_LEGACY};
	uint64_t word;

	memcpy(context, sigstruct->body.enclave_hash, 32);
	memcpy(context + 64, attributes, 16);
	kdf_sha256(root, "casemate seal enclave", context, sizeof(context), key);
	memcpy(&word, key, sizeof(word));
	return word;
}

/* Root knows all values that the key depends on, and asks as the driver did. */
static void attack_key(bool is_capped, uint64_t sealing, const char *path)
{
	struct image image = load(path);
	uint8_t policy[32], key[32] = {0};
	uint32_t r;

	tpm_policy_pcr(at_launch, PCR_COUNT, policy);
	r = tpm_ask_for_key(policy, key);
	if (is_capped) {
		if (r != TPM_RC_POLICY_FAIL_SESSION)
			printf("@@ # the TPM's code: %#x\n", r);
		point(r == TPM_RC_POLICY_FAIL_SESSION, "the TPM gives the root key to nobody now");
	} else {
		point(r == 0 && derive(key, &image.header.sigstruct) == sealing,
			"unprotected: without the cap root gets the root key, and an enclave's "
			"with it");
	}
}

static void extend_another(void)
{
	uint8_t digest[32] = {42};

	point(tpm_pcr_extend(12, digest), "something else was booted");
}

static int with_tpm(const char *kind, const char *path)
{
	bool is_capped = strcmp(kind, "pcr") != 0;
	uint64_t key;

	if (!is_capped)
		extend_another();
	for (size_t i = 0; i < PCR_COUNT; i++)
		if (!tpm_pcr_read(pcrs[i], at_launch[i]))
			exit(1);
	point(turn(true) && status().trust == CASEMATE_TRUST_TPM &&
			status().flags & HYPERVISOR_STATUS_ROOT_KEY,
		"the TPM gives the root key");
	key = sealing_key(path);
	printf("@@ key %s %#lx\n", kind, key);
	check_event_log(is_capped ? 2 : 1);
	attack_key(is_capped, key, path);
	point(turn(false) && turn(true) && status().trust == CASEMATE_TRUST_SPENT &&
			!(status().flags & HYPERVISOR_STATUS_ROOT_KEY),
		"it does so once in each boot");
	point(sealing_key(path) != key, "another launch has random keys");
	check_event_log(is_capped ? 4 : 2);
	point(turn(false), "it is off again");
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t key;

	if (argc != 3)
		return 2;
	if (strcmp(argv[1], "none"))
		return with_tpm(argv[1], argv[2]);
	point(turn(true) && status().trust == CASEMATE_TRUST_NO_TPM &&
			!(status().flags & HYPERVISOR_STATUS_ROOT_KEY),
		"without a TPM the root key is random");
	key = sealing_key(argv[2]);
	point(turn(false) && turn(true) && sealing_key(argv[2]) != key,
		"another launch has another one");
	point(turn(false), "it is off again");
	return 0;
}
