#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "abi/driver.h"
#include "abi/hypervisor.h"
#include "cli/cli.h"

#define NAME "hypervisor"

static const struct option long_options[] = {
	{"force", no_argument, NULL, 'f'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static bool force;

static const char help[] = "usage: casemate hypervisor enable|disable|status|event-log [--force]\n";

static int open_device(int *ret_fd)
{
	*ret_fd = open(CASEMATE_DEVICE, O_RDWR | O_CLOEXEC);
	if (*ret_fd >= 0)
		return CLI_OK;
	if (errno == ENOENT)
		return cli_error(CLI_FAILED, NAME,
			"there is no " CASEMATE_DEVICE ": load the driver (modprobe casemate)");
	return cli_error(CLI_FAILED, NAME, CASEMATE_DEVICE ": %s", strerror(errno));
}

static bool has_rdrand(void)
{
	unsigned int a, b, c = 0, d;

	return __get_cpuid(1, &a, &b, &c, &d) && c & bit_RDRND;
}

static const char *enable_problem(int error)
{
	switch (error) {
	case ENODEV:
		return has_rdrand() ? "this processor has no AMD SVM with nested paging"
				    : "this processor has no RDRAND";
	case EPERM:
		return "not permitted: be root, and have SVM switched on in the firmware's setup";
	case EBUSY:
		return "it is on already, or SVM is in use (unload kvm_amd), or a processor is "
		       "offline";
	case ENOENT:
		return "/lib/firmware/" CASEMATE_FIRMWARE " is missing";
	case ENOEXEC:
		return "/lib/firmware/" CASEMATE_FIRMWARE " does not belong to this driver";
	case EOPNOTSUPP:
		return "memory encryption is on, which is not supported";
	}
	return strerror(error);
}

static int enable(int fd)
{
	if (ioctl(fd, CASEMATE_IOC_ENABLE) < 0)
		return cli_error(CLI_FAILED, NAME, "%s", enable_problem(errno));
	return CLI_OK;
}

static int disable(int fd)
{
	if (ioctl(fd, CASEMATE_IOC_DISABLE, force ? CASEMATE_DISABLE_FORCE : 0) == 0)
		return CLI_OK;
	if (errno == ENODEV)
		return cli_error(CLI_FAILED, NAME, "it is off");
	if (errno == EBUSY)
		return cli_error(CLI_FAILED, NAME,
			"there are enclaves; --force ends them, and what they hold is lost");
	return cli_error(CLI_FAILED, NAME, "%s", strerror(errno));
}

/* What seals outlive. */
static const char *root_key(const struct casemate_status *s)
{
	if (s->trust == CASEMATE_TRUST_TPM && s->flags & HYPERVISOR_STATUS_ROOT_KEY)
		return "the TPM's, for what was booted and launched: what is sealed stays so";
	switch (s->trust) {
	case CASEMATE_TRUST_NO_TPM:
		return "random, so what is sealed is lost with it: there is no TPM 2.0";
	case CASEMATE_TRUST_SPENT:
		return "random, so what is sealed is lost with it: the TPM gives its key once "
		       "after "
		       "each reset, and there was a launch before";
	}
	return "random, so what is sealed is lost with it: the TPM failed (the kernel's log has "
	       "why)";
}

static int status(int fd)
{
	struct casemate_status s = {0};

	if (ioctl(fd, CASEMATE_IOC_STATUS, &s) < 0)
		return cli_error(CLI_FAILED, NAME, "%s", strerror(errno));
	if (!s.is_enabled) {
		puts("off");
		return CLI_OK;
	}
	printf("on%s\n",
		s.flags & HYPERVISOR_STATUS_WIPED ? ", wiped: no enclave can be made" : "");
	printf("%-18s %" PRIu32 "\n", "processors", s.cpu_count);
	printf("%-18s %" PRIu32 "\n", "enclaves", s.enclave_count);
	printf("%-18s %" PRIu64 " KiB for itself, %" PRIu64 " KiB for enclaves, %" PRIu64
	       " KiB unused\n",
		"memory", 4 * s.frames_hypervisor, 4 * s.frames_enclave,
		4 * (s.frames_free + s.frames_incoming));
	printf("%-18s %" PRIu64 "\n", "exits", s.exits);
	printf("%-18s %" PRIu64 "\n", "denied", s.denied);
	printf("%-18s %" PRIu64 " us\n", "demoted in", s.demotion_ns / 1000);
	printf("%-18s %s\n", "DMA",
		s.flags & HYPERVISOR_STATUS_IOMMU ? "contained by the IOMMU"
						  : "NOT contained: devices reach all memory (no "
						    "AMD IOMMU, or Linux uses it)");
	printf("%-18s %s\n", "root key", root_key(&s));
	return CLI_OK;
}

static int event_log(int fd)
{
	static uint8_t events[CASEMATE_EVENT_LOG_SIZE_MAX];
	struct casemate_event_log log = {.to = (uint64_t)events, .size = sizeof(events)};

	if (ioctl(fd, CASEMATE_IOC_EVENT_LOG, &log) < 0)
		return cli_error(CLI_FAILED, NAME, "%s", strerror(errno));
	fwrite(events, 1, log.size, stdout); /* cli_finish sees if it failed */
	return CLI_OK;
}

static const struct {
	const char *name;
	int (*run)(int fd);
} requests[] = {
	{"enable", enable}, {"status", status}, {"event-log", event_log}, {"disable", disable}};

static int (*find_request(const char *name))(int fd)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++)
		if (!strcmp(requests[i].name, name))
			return requests[i].run;
	return NULL;
}

int cli_hypervisor(int argc, char **argv)
{
	int (*run)(int fd);
	int option, fd, r;

	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		if (option == 'f') {
			force = true;
		} else if (option == 'h') {
			fputs(help, stdout);
			return cli_finish(NAME, CLI_OK);
		} else {
			return cli_bad_option(NAME, option, argv);
		}
	}
	if (optind + 1 != argc || (force && strcmp(argv[optind], "disable")))
		return cli_error(CLI_USAGE, NAME,
			"say enable, disable, status or event-log; see casemate-hypervisor(1)");
	run = find_request(argv[optind]);
	if (!run)
		return cli_error(CLI_USAGE, NAME,
			"\"%s\" is not enable, disable, status or event-log", argv[optind]);
	r = open_device(&fd);
	if (r != CLI_OK)
		return r;
	r = run(fd);
	close(fd);
	return cli_finish(NAME, r);
}
