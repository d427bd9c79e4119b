#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/address.h"
#include "cli/appraisal.h"
#include "cli/platform_option.h"
#include "cli/ratls_proxy.h"

#define NAME "ratls"
#define CONNECTIONS_DEFAULT 256
#define CONNECTIONS_MAX 4096
#define HANDSHAKE_S_DEFAULT 30
#define SECONDS_MAX (24 * 60 * 60)

enum option_value {
	OPTION_CERTIFICATE_ONLY = 256,
	OPTION_CONNECTIONS,
	OPTION_HANDSHAKE,
	OPTION_IDLE,
};

static const struct option long_options[] = {
	APPRAISAL_LONG_OPTIONS,
	PLATFORM_LONG_OPTIONS,
	{"certificate-only", no_argument, NULL, OPTION_CERTIFICATE_ONLY},
	{"connections", required_argument, NULL, OPTION_CONNECTIONS},
	{"handshake-timeout", required_argument, NULL, OPTION_HANDSHAKE},
	{"idle-timeout", required_argument, NULL, OPTION_IDLE},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"usage: casemate ratls listen --platform NAME [OPTION...] ADDRESS:PORT PROGRAM:PORT\n"
	"       casemate ratls connect --policy FILE [OPTION...] ADDRESS:PORT "
	"PEER:PORT\n\n" PLATFORM_HELP
	"  --policy FILE             which peers to accept: casemate-policy(5)\n"
	"  --collateral FILE         certificates, revocation lists, TCB info, QE identity\n"
	"  --root FILE               trust this certificate or key, instead of the vendors'\n"
	"  --certificate-only        take peers whose evidence may be older than the connection\n"
	"  --connections N           at most so many at a time (256)\n"
	"  --handshake-timeout S     a connection must stand after so many seconds (30)\n"
	"  --idle-timeout S          end a connection where nothing came for so long\n";

struct request {
	struct appraisal appraisal;
	struct platform_options platform_options;
	struct attest_platform *platform;
	struct ratls_proxy proxy;
};

static int take_number(const char *option, const char *text, unsigned int max, unsigned int *ret)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value < 1 || value > max)
		return cli_error(CLI_USAGE, NAME, "%s %s: must be from 1 to %u", option, text, max);
	*ret = (unsigned int)value;
	return CLI_OK;
}

static int take_option(struct request *request, int option, char **argv)
{
	struct ratls_proxy *proxy = &request->proxy;
	int status;

	if (appraisal_take_option(&request->appraisal, NAME, option, optarg, &status) ||
		platform_option_take(&request->platform_options, NAME, option, optarg, &status))
		return status;
	switch (option) {
	case OPTION_CERTIFICATE_ONLY:
		proxy->tls.takes_certificate_only = true;
		return CLI_OK;
	case OPTION_CONNECTIONS:
		return take_number(
			"--connections", optarg, CONNECTIONS_MAX, &proxy->connections_max);
	case OPTION_HANDSHAKE:
		return take_number("--handshake-timeout", optarg, SECONDS_MAX, &proxy->handshake_s);
	case OPTION_IDLE:
		return take_number("--idle-timeout", optarg, SECONDS_MAX, &proxy->idle_s);
	default:
		return cli_bad_option(NAME, option, argv);
	}
}

static int serve(struct request *request)
{
	struct ratls_proxy *proxy = &request->proxy;
	struct attest_error error;
	int status = appraisal_load(&request->appraisal, NAME, &error);

	if (status == CLI_FAILED)
		return cli_error(status, NAME, "--collateral: %s", error.reason);
	if (status == CLI_OK && request->platform_options.name)
		status = platform_option_open(&request->platform_options, NAME, &request->platform);
	if (status != CLI_OK)
		return status;
	proxy->tls.platform = request->platform;
	proxy->tls.demands_evidence = request->appraisal.has_policy;
	proxy->tls.policy = request->appraisal.policy;
	proxy->tls.collateral = request->appraisal.collateral;
	return ratls_proxy_run(proxy);
}

/* An end that neither shows evidence nor asks for any would be mere TLS, without any certificate.
 */
static int check(const struct request *request)
{
	if (request->proxy.tls.is_listener && !request->platform_options.name)
		return cli_error(CLI_USAGE, NAME,
			"listen needs --platform: who connects wants to "
			"know whom to");
	if (!request->proxy.tls.is_listener && !request->appraisal.has_policy)
		return cli_error(
			CLI_USAGE, NAME, "connect needs --policy: it says which peers to accept");
	return CLI_OK;
}

static int run(struct request *request, int argc, char **argv)
{
	struct ratls_proxy *proxy = &request->proxy;
	int option, status;

	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return CLI_OK;
		}
		status = take_option(request, option, argv);
		if (status != CLI_OK)
			return status;
	}
	if (argc - optind != 3 ||
		(strcmp(argv[optind], "listen") != 0 && strcmp(argv[optind], "connect") != 0))
		return cli_error(CLI_USAGE, NAME,
			"give listen or connect, and two addresses; see casemate-ratls(1)");
	proxy->tls.is_listener = !strcmp(argv[optind], "listen");
	proxy->from = argv[optind + 1];
	proxy->to = argv[optind + 2];
	status = address_check(NAME, proxy->from);
	if (status == CLI_OK)
		status = address_check(NAME, proxy->to);
	if (status == CLI_OK)
		status = check(request);
	return status == CLI_OK ? serve(request) : status;
}

int cli_ratls(int argc, char **argv)
{
	CLEANUP(freep) struct request *request = calloc(1, sizeof(*request));
	int status;

	if (!request)
		return cli_error(CLI_FAILED, NAME, "out of memory");
	platform_option_init(&request->platform_options);
	request->proxy.connections_max = CONNECTIONS_DEFAULT;
	request->proxy.handshake_s = HANDSHAKE_S_DEFAULT;
	status = run(request, argc, argv);
	attest_platform_free(request->platform);
	platform_option_done(&request->platform_options);
	appraisal_done(&request->appraisal);
	return cli_finish(NAME, status);
}
