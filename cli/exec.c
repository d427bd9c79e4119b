#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "cli/cli.h"
#include "cli/life.h"
#include "host/terminal.h"
#include "image/file.h"

#define NAME "exec"

static const struct option long_options[] = {
	{"detach", no_argument, NULL, 'd'},
	{"env", required_argument, NULL, 'e'},
	{"interactive", no_argument, NULL, 'i'},
	{"tty", no_argument, NULL, 't'},
	{"user", required_argument, NULL, 'u'},
	{"workdir", required_argument, NULL, 'w'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"usage: casemate exec [OPTION...] NAME PROGRAM [ARGUMENT...]\n\n"
	"  -d, --detach               don't wait for it; its streams are empty\n"
	"  -e, --env NAME[=VALUE]     set a variable (without a value: take yours)\n"
	"  -i, --interactive          give it standard input\n"
	"  -t, --tty                  give it a terminal; -it: this one\n"
	"  -u, --user UID[:GID]       run it as another user\n"
	"  -w, --workdir DIR          begin in this directory\n";

static const int forwarded[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH, SIGCONT};

struct command {
	struct control_request request;
	struct control_reply reply;
	const char *directory;
	bool detach, interactive, has_terminal;
};

/* ---- The request -------------------------------------------------------------------------------
 */

static int add_bytes(struct mailbox_request *body, const char *text, size_t size)
{
	if (size > sizeof(body->strings) - body->strings_size)
		return cli_error(LIFE_BROKEN, NAME,
			"arguments and environment are longer than %zu bytes",
			sizeof(body->strings));
	memcpy(body->strings + body->strings_size, text, size);
	body->strings_size += (uint32_t)size;
	return 0;
}

static int add_string(struct mailbox_request *body, const char *text)
{
	return add_bytes(body, text, strlen(text) + 1);
}

static int add_variable(struct mailbox_request *body, const char *text)
{
	const char *value = strchr(text, '=') ? NULL : getenv(text);
	int r;

	if (!strchr(text, '=')) {
		if (!value)
			return 0; /* as docker: a variable you don't have is not set */
		r = add_bytes(body, text, strlen(text));
		if (!r)
			r = add_bytes(body, "=", 1);
		if (!r)
			r = add_string(body, value);
	} else {
		r = add_string(body, text);
	}
	body->environment_count++;
	return r;
}

static bool take_number(const char **text, uint32_t *ret)
{
	char *end;
	unsigned long value;

	if (**text < '0' || **text > '9')
		return false;
	value = strtoul(*text, &end, 10);
	*text = end;
	*ret = (uint32_t)value;
	return value < UINT32_MAX;
}

static int set_user(struct mailbox_request *body, const char *text)
{
	const char *at = text;

	if (take_number(&at, &body->uid) &&
		(!*at || (*at++ == ':' && take_number(&at, &body->gid) && !*at))) {
		body->flags |= MAILBOX_HAS_USER;
		return 0;
	}
	return cli_error(LIFE_BROKEN, NAME, "-u %s: must be UID or UID:GID, in numbers", text);
}

/* -1: nothing of that kind. */
static int take_option(struct command *command, int option)
{
	switch (option) {
	case 'd':
		command->detach = true;
		return 0;
	case 'i':
		command->interactive = true;
		return 0;
	case 't':
		command->has_terminal = true;
		return 0;
	case 'e':
		return 0; /* after the arguments */
	case 'u':
		return set_user(&command->request.body, optarg);
	case 'w':
		command->directory = optarg;
		return 0;
	default:
		return -1;
	}
}

/* Arguments stand before the environment, which getopt sees first: so it is gone through twice. */
static int add_environment(struct command *command, int argc, char **argv)
{
	int option, r = 0;

	optind = 1;
	while (!r && (option = getopt_long(argc, argv, "+:de:itu:w:h", long_options, NULL)) != -1)
		if (option == 'e')
			r = add_variable(&command->request.body, optarg);
	return r;
}

static int fill(struct command *command, int argc, char **argv, int first)
{
	struct mailbox_request *body = &command->request.body;
	int r = 0;

	command->request.version = CONTROL_VERSION;
	command->request.kind = CONTROL_EXEC;
	for (int i = first; i < argc && !r; i++) {
		r = add_string(body, argv[i]);
		body->argument_count++;
	}
	if (!r)
		r = add_environment(command, argc, argv);
	if (command->has_terminal)
		body->flags |= MAILBOX_TERMINAL |
			       (command->interactive ? (uint32_t)MAILBOX_TERMINAL_INPUT : 0U);
	if (!r && command->directory) {
		body->flags |= MAILBOX_HAS_WORKDIR;
		r = add_string(body, command->directory);
	}
	return r;
}

/* ---- The conversation --------------------------------------------------------------------------
 */

static int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		sigaddset(&set, forwarded[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static void forward(struct command *command, int connection, int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return;
	command->request.kind = CONTROL_SIGNAL;
	command->request.body.signal = info.ssi_signo;
	command->request.body.strings_size = 0;
	(void)!control_send(connection, &command->request, NULL);
}

static int exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The exit status, or -1: it goes on. */
static int take_reply(struct command *command, int connection)
{
	struct control_reply *reply = &command->reply;
	int r = control_receive(connection, reply);

	if (r < 0)
		return cli_error(LIFE_BROKEN, NAME, "%s", strerror(-r));
	if (r == 0) /* with the enclave every program in it was killed */
		return STATE_STATUS_KILLED;
	if (reply->kind == CONTROL_REFUSED)
		return cli_error(reply->value, NAME, "%s", reply->text);
	if (reply->kind == CONTROL_ENDED && *reply->text)
		return cli_error(exit_status(reply->value), NAME, "%s", reply->text);
	if (reply->kind == CONTROL_ENDED)
		return exit_status(reply->value);
	return reply->kind == CONTROL_STARTED && command->detach ? 0 : -1;
}

static int converse(struct command *command, int connection)
{
	struct pollfd polls[] = {
		{.fd = connection, .events = POLLIN}, {.fd = signals_open(), .events = POLLIN}};
	int status = -1;

	while (status < 0) {
		if (poll(polls, 2, -1) < 0 && errno != EINTR)
			return cli_error(LIFE_BROKEN, NAME, "%s", strerror(errno));
		if (polls[1].revents)
			forward(command, connection, polls[1].fd);
		if (polls[0].revents)
			status = take_reply(command, connection);
	}
	return status;
}

static int run(struct command *command, const char *name)
{
	CLEANUP(state_entry_done) struct state_entry entry = {.directory = -1, .info = -1};
	CLEANUP(close_fdp) int connection = -1;
	CLEANUP(close_fdp) int empty = open("/dev/null", O_RDWR | O_CLOEXEC);
	int streams[] = {command->interactive ? STDIN_FILENO : empty,
		command->detach ? empty : STDOUT_FILENO, command->detach ? empty : STDERR_FILENO};
	struct state_info info;
	int r;

	if (life_find(NAME, name, &entry, &info) != CLI_OK)
		return LIFE_BROKEN;
	connection = life_connect(NAME, name, &entry);
	if (connection < 0)
		return LIFE_BROKEN;
	if (command->has_terminal && command->interactive) {
		r = host_terminal_make_raw(STDIN_FILENO);
		if (r)
			return cli_error(
				LIFE_BROKEN, NAME, "-it: standard input: %s", strerror(-r));
	}
	r = control_send(connection, &command->request, streams);
	if (r)
		return cli_error(LIFE_BROKEN, NAME, "%s: %s", name, strerror(-r));
	r = converse(command, connection);
	host_terminal_restore();
	return r;
}

int cli_exec(int argc, char **argv)
{
	CLEANUP(freep) struct command *command = calloc(1, sizeof(*command));
	int option, status, first;

	if (!command || cli_occupy_streams(NAME))
		return LIFE_BROKEN;
	while ((option = getopt_long(argc, argv, "+:de:itu:w:h", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return cli_finish(NAME, CLI_OK);
		}
		status = take_option(command, option);
		if (status < 0)
			return cli_bad_option(NAME, option, argv) ? LIFE_BROKEN : 0;
		if (status)
			return status;
	}
	if (argc - optind < 2)
		return cli_error(LIFE_BROKEN, NAME,
			"give an enclave's name and a program; see casemate-exec(1)");
	if (command->has_terminal && command->detach)
		return cli_error(LIFE_BROKEN, NAME,
			"-t with -d: a detached program has no terminal to be shown at");
	first = optind;
	status = fill(command, argc, argv, first + 1);
	return status ? status : run(command, argv[first]);
}
