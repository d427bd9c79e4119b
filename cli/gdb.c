/* gdb is told what it can't find out: which files of the image lie where in the program's memory,
 * and how a thread that stands in the LibOS came there. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cli/cli.h"
#include "cli/life.h"
#include "image/file.h"

#define NAME "gdb"
#define OBJECT_COUNT_MAX 4096
#define PATH_SIZE 4096

static const struct option long_options[] = {
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"usage: casemate gdb NAME [PID [GDB-OPTION...]]\n\n"
	"PID is a number inside the enclave (see `casemate ps --processes`); 1 if not given.\n";

/* What is known of the process. */
struct target {
	const char *name;
	int connection, pid, host_pid;
	char directory[64]; /* temporary: its files, and the script */
	FILE *script;
	struct control_request request;
	struct control_reply reply;
};

static int ask(struct target *target, uint32_t kind, const char *path, uint64_t offset)
{
	struct mailbox_request *body = &target->request.body;

	target->request.version = CONTROL_VERSION;
	target->request.kind = kind;
	body->strings_size =
		(uint32_t)snprintf(body->strings, sizeof(body->strings), "%s", path) + 1;
	body->offset = offset;
	return life_ask(NAME, target->name, target->connection, &target->request, &target->reply);
}

/* Which process of the host is it? */
static int find_process(struct target *target)
{
	int pid, parent, host_pid;

	if (ask(target, CONTROL_PROCESSES, "", 0) != CLI_OK)
		return CLI_FAILED;
	for (char *line = strtok(target->reply.text, "\n"); line; line = strtok(NULL, "\n"))
		if (sscanf(line, "%d %d %d", &pid, &parent, &host_pid) == 3 && pid == target->pid) {
			target->host_pid = host_pid;
			return CLI_OK;
		}
	return cli_error(
		CLI_FAILED, NAME, "%s: no process %d is inside", target->name, target->pid);
}

/* Copy the file @path of the enclave to @to, which has room. */
static int fetch(struct target *target, const char *path, const char *to)
{
	FILE *file = fopen(to, "we");
	uint64_t offset = 0;
	int status;

	if (!file)
		return cli_error(CLI_FAILED, NAME, "%s: %s", to, strerror(errno));
	do {
		status = ask(target, CONTROL_READ, path, offset);
		if (status != CLI_OK)
			break;
		fwrite(target->reply.text, 1, target->reply.text_size, file);
		offset += target->reply.text_size;
	} while (target->reply.text_size);
	if (fclose(file) != 0 && status == CLI_OK)
		status = cli_error(CLI_FAILED, NAME, "%s: %s", to, strerror(errno));
	return status;
}

/* How far from where it says is it, if its first page lies at @address? False: no ELF file. */
static bool find_bias(const char *path, uint64_t address, uint64_t *ret)
{
	CLEANUP(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	if (fd < 0 || file_read_at(fd, &header, sizeof(header), 0) < 0 ||
		memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
		header.e_phentsize != sizeof(segment))
		return false;
	for (unsigned int i = 0; i < header.e_phnum; i++) {
		if (file_read_at(fd, &segment, sizeof(segment),
			    header.e_phoff + i * sizeof(segment)) < 0)
			return false;
		if (segment.p_type == PT_LOAD) {
			*ret = address - ALIGN_DOWN(segment.p_vaddr - segment.p_offset, PAGE_SIZE);
			return true;
		}
	}
	return false;
}

/* Files whose beginning is mapped: one line of /proc/PID/maps. */
static int add_object(struct target *target, const char *line, unsigned int number)
{
	uint64_t start, offset, bias;
	char path[PATH_SIZE], copy[sizeof(target->directory) + 32];

	if (sscanf(line, "%lx-%*x %*s %lx %*s %*s %4095[^\n]", &start, &offset, path) != 3 ||
		offset || *path != '/')
		return CLI_OK;
	snprintf(copy, sizeof(copy), "%s/object%u", target->directory, number);
	if (fetch(target, path, copy) != CLI_OK)
		return CLI_FAILED;
	if (find_bias(copy, start, &bias))
		fprintf(target->script, "add-symbol-file %s -o %#lx\n", copy, bias);
	return CLI_OK;
}

static int add_objects(struct target *target)
{
	char path[sizeof(target->directory) + 32], inside[64], *line = NULL;
	unsigned int number = 0;
	size_t size = 0;
	int status;
	FILE *maps;

	snprintf(inside, sizeof(inside), "/proc/%d/maps", target->pid);
	snprintf(path, sizeof(path), "%s/maps", target->directory);
	status = fetch(target, inside, path);
	maps = status == CLI_OK ? fopen(path, "re") : NULL;
	while (status == CLI_OK && maps && number < OBJECT_COUNT_MAX &&
		getline(&line, &size, maps) > 0)
		status = add_object(target, line, number++);
	free(line);
	if (maps)
		fclose(maps);
	return status;
}

/* gdb.py is beside the installed command, or in the source tree of the build. */
static void find_python(char *to, size_t size)
{
	static const char *const places[] = {"../share/casemate/gdb.py", "../../cli/gdb.py"};
	char self[PATH_SIZE] = "", path[PATH_SIZE + 64];
	char *slash;

	*to = '\0';
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0 || !(slash = strrchr(self, '/')))
		return;
	*slash = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "%s/%s", self, places[i]);
		if (access(path, R_OK) == 0) {
			snprintf(to, size, "%s", path);
			return;
		}
	}
}

/* What the LibOS makes of signals of the host is not for the user; and what gdb would find by
 * itself, it would find of the launcher. */
static int write_script(struct target *target)
{
	char path[sizeof(target->directory) + 32], python[PATH_SIZE + 64];
	int status;

	snprintf(path, sizeof(path), "%s/script", target->directory);
	target->script = fopen(path, "we");
	if (!target->script)
		return cli_error(CLI_FAILED, NAME, "%s: %s", path, strerror(errno));
	fprintf(target->script,
		"set confirm off\nset pagination off\nset auto-solib-add off\n"
		"set sysroot %s/none\nset libthread-db-search-path\n"
		"handle SIGSYS SIGURG SIGSEGV SIGBUS nostop noprint pass\n"
		"attach %d\n",
		target->directory, target->host_pid);
	status = add_objects(target);
	find_python(python, sizeof(python));
	if (*python)
		fprintf(target->script, "source %s\ncasemate-program\n", python);
	fprintf(target->script, "set confirm on\nset pagination on\n");
	fclose(target->script);
	return status;
}

static int run_gdb(struct target *target, char *const *options, int count)
{
	const char *arguments[count + 6];
	char script[sizeof(target->directory) + 32];
	int n = 0, status;
	pid_t pid;

	snprintf(script, sizeof(script), "%s/script", target->directory);
	arguments[n++] = "gdb";
	arguments[n++] = "-q";
	arguments[n++] = "-x";
	arguments[n++] = script;
	for (int i = 0; i < count; i++)
		arguments[n++] = options[i];
	arguments[n] = NULL;
	signal(SIGINT, SIG_IGN); /* it is gdb's */
	pid = fork();
	if (pid == 0) {
		signal(SIGINT, SIG_DFL);
		execvp("gdb", (char *const *)arguments);
		_exit(cli_error(127, NAME, "gdb: %s", strerror(errno)));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return cli_error(CLI_FAILED, NAME, "%s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void remove_directory(const char *directory)
{
	char path[128];

	for (unsigned int i = 0; i < OBJECT_COUNT_MAX; i++) {
		snprintf(path, sizeof(path), "%s/object%u", directory, i);
		if (unlink(path) < 0 && i > 1024)
			break;
	}
	snprintf(path, sizeof(path), "%s/maps", directory);
	unlink(path);
	snprintf(path, sizeof(path), "%s/script", directory);
	unlink(path);
	rmdir(directory);
}

static int debug(struct target *target, char *const *options, int count)
{
	CLEANUP(state_entry_done) struct state_entry entry = {.directory = -1, .info = -1};
	struct state_info info;
	int status;

	if (life_find(NAME, target->name, &entry, &info) != CLI_OK)
		return CLI_FAILED;
	target->connection = life_connect(NAME, target->name, &entry);
	if (target->connection < 0)
		return CLI_FAILED;
	status = find_process(target);
	if (status != CLI_OK)
		return status;
	snprintf(target->directory, sizeof(target->directory), "/tmp/casemate-gdb-XXXXXX");
	if (!mkdtemp(target->directory))
		return cli_error(CLI_FAILED, NAME, "%s: %s", target->directory, strerror(errno));
	status = write_script(target);
	if (status == CLI_OK)
		status = run_gdb(target, options, count);
	remove_directory(target->directory);
	return status;
}

int cli_gdb(int argc, char **argv)
{
	CLEANUP(freep) struct target *target = calloc(1, sizeof(*target));
	int option = getopt_long(argc, argv, "+:h", long_options, NULL);
	char *end = "";

	if (option == 'h') {
		fputs(help, stdout);
		return cli_finish(NAME, CLI_OK);
	}
	if (option != -1)
		return cli_bad_option(NAME, option, argv);
	if (optind == argc)
		return cli_error(CLI_USAGE, NAME, "give an enclave's name; see casemate-gdb(1)");
	if (!target)
		return cli_error(CLI_FAILED, NAME, "%s", strerror(ENOMEM));
	target->name = argv[optind++];
	target->pid = optind < argc ? (int)strtol(argv[optind++], &end, 10) : 1;
	if (*end || target->pid <= 0)
		return cli_error(
			CLI_USAGE, NAME, "%s: must be the number of a process", argv[optind - 1]);
	return debug(target, argv + optind, argc - optind);
}
