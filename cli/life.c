#include "cli/life.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "host/journal.h"
#include "image/file.h"

/* ---- Running one -------------------------------------------------------------------------------
 */

/* Of an enclave that is about to run. */
struct life {
	const struct life_options *options;
	struct state_info info;
	struct state_entry entry;
	struct journal journal;
	struct control_options control;
	int state;
};

static void describe(
	struct life *life, const struct image *image, const struct enclave_options *options)
{
	struct state_info *info = &life->info;
	size_t at = 0;

	info->launcher = getpid();
	info->removes = life->options->removes || !life->options->detach;
	info->has_log = life->options->detach;
	snprintf(info->name, sizeof(info->name), "%s",
		life->options->name ? life->options->name : "");
	snprintf(info->image, sizeof(info->image), "%s", life->options->path);
	hex_encode(image->superblock.image_digest, IMAGE_DIGEST_SIZE, info->digest);
	for (size_t i = 0; i < options->argument_count && at < sizeof(info->command); i++)
		at += (size_t)snprintf(info->command + at, sizeof(info->command) - at, "%s%s",
			i ? " " : "", options->arguments[i]);
}

static int prepare(struct life *life, const struct image *image,
	const struct enclave_options *options, struct image_error *error)
{
	int r = state_open(&life->state, error);

	describe(life, image, options);
	if (!r)
		r = state_create(life->state, &life->info, &life->entry, error);
	if (r)
		return r;
	r = control_listen(life->entry.directory, &life->control.listen_fd, error);
	if (!r && life->options->detach) {
		r = journal_open(&life->journal, life->entry.directory);
		if (r)
			r = image_fail_errno(error, r, "the log");
	}
	return r;
}

/* The entry goes, or says how the enclave ended. @keeps: it had begun. */
static void conclude(struct life *life, int status, bool keeps)
{
	if (life->entry.info < 0)
		return;
	state_finish(&life->entry, status);
	journal_done(&life->journal);
	if (keeps && !life->info.removes)
		return;
	/* The lock is ours, and the enclave is gone. */
	state_entry_done(&life->entry);
	(void)!state_remove(life->state, life->info.name);
}

static struct life life_new(const struct life_options *options)
{
	return (struct life){.options = options,
		.state = -1,
		.entry = {.directory = -1, .info = -1},
		.journal = {.fd = -1},
		.control = {.listen_fd = -1,
			.started_fd = -1,
			.log_fd = -1,
			.output_fd = -1,
			.output_fds = {-1, -1}}};
}

static int run_here(const struct image *image, const struct enclave_options *given,
	const struct life_options *life_options)
{
	struct life life = life_new(life_options);
	struct enclave_options options = *given;
	struct image_error error;
	int status = LIFE_BROKEN, r;

	r = prepare(&life, image, &options, &error);
	options.control = &life.control;
	if (!r)
		r = enclave_run(image, &options, &status, &error);
	conclude(&life, status, false);
	return r ? cli_error(LIFE_BROKEN, "run", "%s", error.text) : status;
}

/* ---- In the background ---- */

/* Nothing of the caller's stays open but standard error, until the program runs. */
static int redirect(struct life *life, struct enclave_options *options)
{
	int input = open("/dev/null", O_RDONLY | O_CLOEXEC), pipes[2][2];

	setsid();
	/* No directory of the caller's is held, and what is to be opened by name has been. */
	if (chdir("/") < 0 || input < 0 || pipe2(pipes[0], O_CLOEXEC) < 0 ||
		pipe2(pipes[1], O_CLOEXEC) < 0)
		return -errno;
	options->log_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (options->log_fd < 0 || dup2(input, STDIN_FILENO) < 0 ||
		dup2(pipes[0][1], STDOUT_FILENO) < 0 || dup2(pipes[1][1], STDERR_FILENO) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		close(pipes[i][1]);
		life->control.output_fds[i] = pipes[i][0];
		if (fcntl(pipes[i][0], F_SETFL, O_NONBLOCK) < 0)
			return -errno;
	}
	close(input);
	life->control.log_fd = options->log_fd;
	life->control.output_fd = STDERR_FILENO;
	life->control.journal = &life->journal;
	return 0;
}

/* What goes wrong later is for the journal, what goes wrong before for whoever waits. */
static void report(struct life *life, const struct enclave_options *options, bool has_started,
	const struct image_error *error)
{
	char line[IMAGE_ERROR_SIZE + 32];
	int size;

	if (!has_started) {
		dup2(options->log_fd, STDERR_FILENO);
		cli_error(LIFE_BROKEN, "start", "%s", error->text);
		return;
	}
	size = snprintf(line, sizeof(line), "casemate: start: %s\n", error->text);
	journal_add(&life->journal, JOURNAL_STDERR, line, (size_t)size);
}

/* The launcher of one in the background. It tells @to_parent its name, then a byte when the program
 * runs. */
static NORETURN void launch(struct life *life, const struct image *image,
	const struct enclave_options *given, int to_parent)
{
	struct enclave_options options = *given;
	struct image_error error;
	bool has_started = false;
	int status = LIFE_BROKEN, r = redirect(life, &options);

	if (r)
		r = image_fail_errno(&error, r, "the background");
	else
		r = prepare(life, image, &options, &error);
	if (!r && write(to_parent, life->info.name, sizeof(life->info.name)) < 0)
		r = image_fail_errno(&error, -errno, "the background");
	life->control.started_fd = to_parent;
	life->control.started = &has_started;
	options.control = &life->control;
	if (!r)
		r = enclave_run(image, &options, &status, &error);
	if (r)
		report(life, &options, has_started, &error);
	conclude(life, status, has_started);
	_exit(status);
}

/* Wait until the program runs: print the enclave's name; or its exit status if it never does. */
static int wait_for_start(pid_t launcher, int from_launcher)
{
	char name[STATE_NAME_SIZE], byte;
	int status;

	if (read(from_launcher, name, sizeof(name)) == sizeof(name) &&
		read(from_launcher, &byte, 1) == 1) {
		printf("%s\n", name);
		return cli_finish("start", CLI_OK);
	}
	if (waitpid(launcher, &status, 0) != launcher)
		return LIFE_BROKEN;
	return WIFEXITED(status) ? WEXITSTATUS(status) : STATE_STATUS_KILLED;
}

static int run_detached_image(const struct image *image, const struct enclave_options *options,
	const struct life_options *life_options)
{
	struct life life = life_new(life_options);
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return cli_error(LIFE_BROKEN, "start", "a pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		return cli_error(LIFE_BROKEN, "start", "a process: %s", strerror(errno));
	if (pid == 0) {
		close(ends[0]);
		launch(&life, image, options, ends[1]);
	}
	close(ends[1]);
	return wait_for_start(pid, ends[0]);
}

int life_run(const struct image *image, const struct enclave_options *options,
	const struct life_options *life)
{
	return life->detach ? run_detached_image(image, options, life)
			    : run_here(image, options, life);
}

/* ---- Reaching one ------------------------------------------------------------------------------
 */

int life_find(
	const char *command, const char *name, struct state_entry *ret, struct state_info *ret_info)
{
	CLEANUP(close_fdp) int state = -1;
	struct image_error error;
	int r = state_open(&state, &error);

	if (r)
		return cli_error(CLI_FAILED, command, "%s", error.text);
	r = state_read(state, name, ret, ret_info);
	if (r == -ENOENT)
		return cli_error(CLI_FAILED, command,
			"there is no enclave \"%s\"; `casemate ps -a` lists them", name);
	if (r)
		return cli_error(CLI_FAILED, command, "%s: %s", name, strerror(-r));
	return CLI_OK;
}

int life_connect(const char *command, const char *name, const struct state_entry *entry)
{
	int fd = control_connect(entry->directory);

	if (fd == -ENOENT || fd == -ECONNREFUSED)
		cli_error(CLI_FAILED, command, "enclave %s does not run", name);
	else if (fd < 0)
		cli_error(CLI_FAILED, command, "%s: %s", name, strerror(-fd));
	return fd < 0 ? -1 : fd;
}

/* 0 or -errno, and what was replied; 0 and no reply if the launcher has gone. */
static int ask(int connection, const struct control_request *request, struct control_reply *reply)
{
	int r = control_send(connection, request, NULL);

	reply->kind = 0;
	if (!r)
		r = control_receive(connection, reply);
	return r > 0 && reply->kind == CONTROL_DONE ? reply->value : MIN(r, 0);
}

int life_ask(const char *command, const char *name, int connection,
	const struct control_request *request, struct control_reply *ret_reply)
{
	int r = ask(connection, request, ret_reply);

	if (!r && ret_reply->kind != CONTROL_DONE)
		r = -ECONNRESET;
	if (r == -EPERM)
		return cli_error(CLI_FAILED, command,
			"%s: its image is not for debugging: \"Debug\" is not set in its "
			"configuration",
			name);
	if (r)
		return cli_error(CLI_FAILED, command, "%s: %s", name, strerror(-r));
	return CLI_OK;
}

int life_signal(const char *command, const char *name, const struct state_entry *entry, int signo)
{
	CLEANUP(freep) struct control_request *request = calloc(1, sizeof(*request));
	CLEANUP(freep) struct control_reply *reply = calloc(1, sizeof(*reply));
	CLEANUP(close_fdp) int fd = life_connect(command, name, entry);
	int r;

	if (fd < 0)
		return CLI_FAILED;
	if (!request || !reply)
		return cli_error(CLI_FAILED, command, "%s", strerror(ENOMEM));
	request->version = CONTROL_VERSION;
	request->kind = CONTROL_SIGNAL;
	request->body.signal = (uint32_t)signo;
	r = ask(fd, request, reply);
	/* Without an answer it has ended meanwhile, as it was to. */
	if (r < 0 && r != -EPIPE)
		return cli_error(CLI_FAILED, command, "%s: %s", name, strerror(-r));
	return CLI_OK;
}

static int real_time_signal(const char *text)
{
	char *end;
	long more;
	int base;

	if (!strncmp(text, "RTMIN", 5))
		base = 34; /* as programs of the C library know it */
	else if (!strncmp(text, "RTMAX", 5))
		base = 64;
	else
		return 0;
	text += 5;
	more = *text ? strtol(text, &end, 10) : 0;
	if (*text && (*end || (*text != '+' && *text != '-')))
		return 0;
	return base + more >= 34 && base + more <= 64 ? base + (int)more : 0;
}

int life_signal_number(const char *text)
{
	const char *name;
	char *end;
	long number = strtol(text, &end, 10);

	if (*text && !*end)
		return number >= 1 && number <= 64 ? (int)number : 0;
	if (!strncasecmp(text, "SIG", 3))
		text += 3;
	for (int signo = 1; signo < 32; signo++) {
		name = sigabbrev_np(signo);
		if (name && !strcasecmp(name, text))
			return signo;
	}
	return real_time_signal(text);
}

int life_each_name(char **names, const char *command, int (*one)(const char *name))
{
	int status = CLI_OK, r;

	for (; *names; names++) {
		r = one(*names);
		status = r ? r : status;
	}
	return cli_finish(command, status);
}

int life_each(
	int argc, char **argv, const char *command, const char *help, int (*one)(const char *name))
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	int option = getopt_long(argc, argv, "+:h", options, NULL);

	if (option == 'h') {
		fputs(help, stdout);
		return cli_finish(command, CLI_OK);
	}
	if (option != -1)
		return cli_bad_option(command, option, argv);
	if (optind == argc)
		return cli_error(
			CLI_USAGE, command, "give an enclave's name; see casemate-%s(1)", command);
	return life_each_name(argv + optind, command, one);
}
