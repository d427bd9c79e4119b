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

static const char help[] = "usage: casemate hypervisor enable|disable|status [--force]\n";

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

static const char *enable_problem(int error)
{
	switch (error) {
	case ENODEV:
		return "this processor has no AMD SVM with nested paging";
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

static int disable(int fd, bool force)
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
	return CLI_OK;
}

int cli_hypervisor(int argc, char **argv)
{
	bool force = false;
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
			"say enable, disable or status; see casemate-hypervisor(1)");
	if (strcmp(argv[optind], "enable") && strcmp(argv[optind], "disable") &&
		strcmp(argv[optind], "status"))
		return cli_error(
			CLI_USAGE, NAME, "\"%s\" is not enable, disable or status", argv[optind]);
	r = open_device(&fd);
	if (r != CLI_OK)
		return r;
	if (!strcmp(argv[optind], "enable"))
		r = enable(fd);
	else if (!strcmp(argv[optind], "disable"))
		r = disable(fd, force);
	else
		r = status(fd);
	close(fd);
	return cli_finish(NAME, r);
}
