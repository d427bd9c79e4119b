#include "cli/ratls_proxy.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/address.h"
#include "cli/cli.h"
#include "cli/ratls_relay.h"
#include "image/file.h"

#define NAME "ratls"
#define ACCEPT_PAUSE_US 100000 /* where the machine has no descriptor or process left */

struct server {
	const struct ratls_proxy *proxy;
	int listen_fd;
	unsigned int count; /* of connections, each a process */
	SSL_CTX *context;
	time_t made; /* when it was */
};

/* A connection, in its own process */

/* The time of a handshake is over. The process is just this connection's. */
static void end_late(int signal)
{
	static const char text[] = "casemate: ratls: a connection took too long to be made\n";

	(void)signal;
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(CLI_FAILED);
}

static int refuse(const char *peer, const char *reason)
{
	return cli_error(CLI_FAILED, NAME, "%s: %s", peer, reason);
}

static int relay(const struct ratls_proxy *proxy, SSL *tls, int plain, const char *peer)
{
	alarm(0);
	switch (relay_run(tls, plain, proxy->idle_s ? (int)proxy->idle_s * 1000 : -1)) {
	case RELAY_IDLE:
		return refuse(peer, "idle for too long");
	case RELAY_CUT:
		return CLI_FAILED;
	default:
		return CLI_OK;
	}
}

static int serve(const struct server *server, int fd, const char *peer)
{
	const struct ratls_proxy *proxy = server->proxy;
	bool listener = proxy->tls.is_listener;
	char reason[RATLS_REASON_SIZE];
	const char *why = "";
	int other = -1;
	SSL *tls;

	/* Who connects is carried to the program behind us only once he is attested. */
	if (!listener)
		other = address_connect(proxy->to, &why);
	if (!listener && other < 0)
		return cli_error(CLI_FAILED, NAME, "%s: %s", proxy->to, why);
	tls = ratls_session_new(&proxy->tls, server->context, listener ? fd : other, reason);
	if (!tls)
		return refuse(listener ? peer : proxy->to, reason);
	if (listener)
		other = address_connect(proxy->to, &why);
	if (other < 0)
		return cli_error(CLI_FAILED, NAME, "%s: %s", proxy->to, why);
	return relay(proxy, tls, listener ? other : fd, peer);
}

static void begin_child(unsigned int handshake_s, pid_t parent)
{
	const struct sigaction late = {.sa_handler = end_late};

	sigaction(SIGALRM, &late, NULL);
	alarm(handshake_s);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(CLI_FAILED);
}

/* The server */

static void reap(struct server *server, int flags)
{
	while (server->count && waitpid(-1, NULL, flags) > 0) {
		server->count--;
		flags |= WNOHANG;
	}
}

/* The certificate is renewed in time; where that fails, the old one is good for a while. */
static int renew(struct server *server)
{
	char reason[RATLS_REASON_SIZE];
	time_t now = time(NULL);
	SSL_CTX *context;

	if (server->context && now >= server->made && now - server->made < RATLS_RENEWAL_S)
		return CLI_OK;
	context = ratls_context_new(&server->proxy->tls, reason);
	if (!context)
		return cli_error(CLI_FAILED, NAME, "%s", reason);
	SSL_CTX_free(server->context);
	server->context = context;
	server->made = now;
	return CLI_OK;
}

static void start(struct server *server, int fd, const char *peer)
{
	pid_t parent = getpid(), child = fork();

	if (child == 0) {
		close(server->listen_fd);
		begin_child(server->proxy->handshake_s, parent);
		_exit(serve(server, fd, peer));
	}
	if (child > 0) {
		server->count++;
		return;
	}
	refuse(peer, strerror(errno));
	usleep(ACCEPT_PAUSE_US);
}

static bool is_broken(int error)
{
	return error == EBADF || error == EINVAL || error == ENOTSOCK || error == EFAULT;
}

static int accept_one(struct server *server)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	char peer[ADDRESS_TEXT_SIZE];
	int fd;

	reap(server, server->count >= server->proxy->connections_max ? 0 : WNOHANG);
	fd = accept4(server->listen_fd, (struct sockaddr *)&address, &size, SOCK_CLOEXEC);
	if (fd < 0) {
		if (is_broken(errno))
			return cli_error(CLI_FAILED, NAME, "accept: %s", strerror(errno));
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			usleep(ACCEPT_PAUSE_US);
		return CLI_OK;
	}
	(void)renew(server);
	address_print(&address, peer);
	start(server, fd, peer);
	close(fd);
	return CLI_OK;
}

/* Who let the system choose the port wants to know it; and scripts wait for this line. */
static void announce(const struct server *server)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	char text[ADDRESS_TEXT_SIZE];

	(void)getsockname(server->listen_fd, (struct sockaddr *)&address, &size);
	address_print(&address, text);
	printf("listening at %s\n", text);
	fflush(stdout);
}

int ratls_proxy_run(const struct ratls_proxy *proxy)
{
	struct server server = {.proxy = proxy, .listen_fd = -1};
	int status = renew(&server);

	signal(SIGPIPE, SIG_IGN);
	if (status == CLI_OK) {
		server.listen_fd = address_listen(NAME, proxy->from);
		status = server.listen_fd < 0 ? CLI_FAILED : CLI_OK;
	}
	if (status == CLI_OK)
		announce(&server);
	while (status == CLI_OK)
		status = accept_one(&server);
	close_fdp(&server.listen_fd);
	SSL_CTX_free(server.context);
	return status;
}
