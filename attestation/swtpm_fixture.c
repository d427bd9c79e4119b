#include "attestation/swtpm_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "/usr/bin/swtpm"
#define TRIES_MAX 6000
#define TRY_US 50000

bool swtpm_fixture_is_installed(void)
{
	return access(PROGRAM, X_OK) == 0;
}

static bool answers(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), r;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	r = connect(fd, (struct sockaddr *)&address, sizeof(address));
	close(fd);
	return r == 0;
}

static void start(const char *directory)
{
	char state[64], server[96], control[96];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(state, sizeof(state), "dir=%s", directory);
	snprintf(server, sizeof(server), "type=unixio,path=%s/tpm", directory);
	snprintf(control, sizeof(control), "type=unixio,path=%s/tpm.ctrl", directory);
	if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
		_exit(1);
	execl(PROGRAM, PROGRAM, "socket", "--tpm2", "--tpmstate", state, "--server", server,
		"--ctrl", control, "--flags", "not-need-init,startup-clear", (char *)NULL);
	_exit(1);
}

void swtpm_fixture_init(struct swtpm_fixture *tpm, const char *name)
{
	char command[64], path[64];

	snprintf(tpm->directory, sizeof(tpm->directory), "%s", name);
	snprintf(tpm->tcti, sizeof(tpm->tcti), "swtpm:path=%s/tpm", name);
	snprintf(command, sizeof(command), "rm -rf ./%s", name);
	if (system(command) != 0 || mkdir(name, 0700) < 0)
		abort();
	setvbuf(stdout, NULL, _IOLBF, 0); /* what fails aborts */
	tpm->pid = fork();
	if (tpm->pid == 0)
		start(name);
	for (int i = 0; i < 2 * TRIES_MAX; i++) {
		snprintf(path, sizeof(path), "%s/%s", name, "tpm");
		if (answers(path))
			return;
		usleep(TRY_US);
	}
	abort();
}

void swtpm_fixture_done(struct swtpm_fixture *tpm)
{
	char command[64];

	kill(tpm->pid, SIGKILL);
	waitpid(tpm->pid, NULL, 0);
	snprintf(command, sizeof(command), "rm -rf ./%s", tpm->directory);
	if (system(command) != 0)
		abort();
}
