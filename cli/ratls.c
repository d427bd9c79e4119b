#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/address.h"
#include "cli/appraisal.h"
#include "cli/ratls_proxy.h"

#define NAME "ratls"
#define CONNECTIONS_DEFAULT 256
#define CONNECTIONS_MAX 4096
#define HANDSHAKE_S_DEFAULT 30
#define SECONDS_MAX (24 * 60 * 60)

enum option_value {
	OPTION_PLATFORM = 256,
	OPTION_MEASUREMENT,
	OPTION_SIGNER,
	OPTION_CERTIFICATE_ONLY,
	OPTION_CONNECTIONS,
	OPTION_HANDSHAKE,
	OPTION_IDLE,
};

static const struct option long_options[] = {
	APPRAISAL_LONG_OPTIONS,
	{"platform", required_argument, NULL, OPTION_PLATFORM},
	{"measurement", required_argument, NULL, OPTION_MEASUREMENT},
	{"signer", required_argument, NULL, OPTION_SIGNER},
	{"certificate-only", no_argument, NULL, OPTION_CERTIFICATE_ONLY},
	{"connections", required_argument, NULL, OPTION_CONNECTIONS},
	{"handshake-timeout", required_argument, NULL, OPTION_HANDSHAKE},
	{"idle-timeout", required_argument, NULL, OPTION_IDLE},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"usage: casemate ratls listen --platform NAME [OPTION...] ADDRESS:PORT PROGRAM:PORT\n"
	"       casemate ratls connect --policy FILE [OPTION...] ADDRESS:PORT PEER:PORT\n\n"
	"  --platform NAME           where our evidence is made: simulation\n"
	"  --measurement HEX         simulation: what it says we are\n"
	"  --signer HEX              simulation: who it says has signed us\n"
	"  --policy FILE             which peers to accept: casemate-policy(5)\n"
	"  --collateral FILE         certificates, revocation lists, TCB info, QE identity\n"
	"  --root FILE               trust this certificate or key, instead of the vendors'\n"
	"  --certificate-only        take peers whose evidence may be older than the connection\n"
	"  --connections N           at most so many at a time (256)\n"
	"  --handshake-timeout S     a connection must stand after so many seconds (30)\n"
	"  --idle-timeout S          end a connection where nothing came for so long\n";

struct request {
	struct appraisal appraisal;
	struct attest_claims claims; /* of simulation */
	const char *platform_name;
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

static int take_digest(const char *option, const char *text, struct attest_value *to)
{
	if (!hex_decode(text, to->bytes, 32))
		return cli_error(
			CLI_USAGE, NAME, "%s %s: must be 64 hexadecimal digits", option, text);
	return CLI_OK;
}

static int take_option(struct request *request, int option, char **argv)
{
	struct ratls_proxy *proxy = &request->proxy;
	int status;

	if (appraisal_take_option(&request->appraisal, NAME, option, optarg, &status))
		return status;
	switch (option) {
	case OPTION_PLATFORM:
		request->platform_name = optarg;
		return CLI_OK;
	case OPTION_MEASUREMENT:
		return take_digest("--measurement", optarg, &request->claims.measurement);
	case OPTION_SIGNER:
		return take_digest("--signer", optarg, &request->claims.signer);
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

static int open_platform(struct request *request)
{
	if (!request->platform_name)
		return CLI_OK;
	if (strcmp(request->platform_name, "simulation") != 0)
		return cli_error(CLI_USAGE, NAME, "--platform %s: must be simulation",
			request->platform_name);
	if (attest_platform_simulation_new(&request->claims, &request->platform) < 0)
		return cli_error(CLI_FAILED, NAME, "out of memory");
	return CLI_OK;
}

static int serve(struct request *request)
{
	struct ratls_proxy *proxy = &request->proxy;
	struct attest_error error;
	int status = appraisal_load(&request->appraisal, NAME, &error);

	if (status == CLI_FAILED)
		return cli_error(status, NAME, "--collateral: %s", error.reason);
	if (status == CLI_OK)
		status = open_platform(request);
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
	if (request->proxy.tls.is_listener && !request->platform_name)
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
	request->claims.measurement.size = request->claims.signer.size = 32;
	request->proxy.connections_max = CONNECTIONS_DEFAULT;
	request->proxy.handshake_s = HANDSHAKE_S_DEFAULT;
	status = run(request, argc, argv);
	attest_platform_free(request->platform);
	appraisal_done(&request->appraisal);
	return cli_finish(NAME, status);
}
