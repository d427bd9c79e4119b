/* covers: openat mkdir link symlink rename renameat2 unlink write pread64 pwrite64 */
/* What many processes do to one name or one file at once: one winner, nothing lost, nothing torn.
 */
#include "tests/conformance/files/conformance.h"

enum { RACERS = 6, ROUNDS = 40 };

typedef bool race_fn(int racer, int round);

/* Let every racer try every round at about the same moment; returns how often one of them won. */
static int race(race_fn *fn)
{
	int go[2], score[2], wins = 0;
	pid_t pids[RACERS];
	char c;

	REQUIRE(pipe(go) == 0 && pipe(score) == 0);
	for (int racer = 0; racer < RACERS; racer++) {
		pids[racer] = test_fork();
		if (pids[racer] == 0) {
			close(go[1]);
			if (read(go[0], &c, 1) != 0)
				_exit(1);
			for (int round = 0; round < ROUNDS; round++)
				if (fn(racer, round) && write(score[1], "w", 1) != 1)
					_exit(1);
			test_child_exit();
		}
	}
	close(go[0]);
	close(go[1]);
	close(score[1]);
	while (read(score[0], &c, 1) == 1)
		wins++;
	close(score[0]);
	for (int racer = 0; racer < RACERS; racer++)
		JOIN(pids[racer]);
	return wins;
}

static const char *name_of(const char *stem, int number)
{
	static char name[64];

	snprintf(name, sizeof(name), "%s-%d", stem, number);
	return name;
}

static bool open_exclusively(int racer, int round)
{
	int fd = open(name_of("excl", round), O_RDWR | O_CREAT | O_EXCL, 0600);

	(void)racer;
	if (fd < 0)
		CHECK_EQ(errno, EEXIST);
	else
		close(fd);
	return fd >= 0;
}

static bool make_directory(int racer, int round)
{
	(void)racer;
	return mkdir(name_of("dir", round), 0700) == 0;
}

static bool make_symlink(int racer, int round)
{
	(void)racer;
	return symlink("x", name_of("symlink", round)) == 0;
}

static bool make_link(int racer, int round)
{
	(void)racer;
	return link("origin", name_of("link", round)) == 0;
}

static bool remove_name(int racer, int round)
{
	(void)racer;
	return unlink(name_of("link", round)) == 0;
}

static bool remove_directory(int racer, int round)
{
	(void)racer;
	return rmdir(name_of("dir", round)) == 0;
}

static bool take_by_rename(int racer, int round)
{
	char mine[64];

	snprintf(mine, sizeof(mine), "taken-%d-%d", racer, round);
	return rename(name_of("excl", round), mine) == 0;
}

static bool rename_without_replacing(int racer, int round)
{
	char mine[64];

	snprintf(mine, sizeof(mine), "mine-%d-%d", racer, round);
	return put_file(mine, "") &&
	       !renameat2(AT_FDCWD, mine, AT_FDCWD, name_of("norep", round), RENAME_NOREPLACE);
}

static void test_one_winner(void)
{
	struct stat st;

	put_file("origin", "");
	CHECK_EQ(race(open_exclusively), ROUNDS);
	CHECK_EQ(race(make_directory), ROUNDS);
	CHECK_EQ(race(make_symlink), ROUNDS);
	CHECK_EQ(race(make_link), ROUNDS);
	CHECK_OK(stat("origin", &st));
	CHECK_EQ(st.st_nlink, 1 + ROUNDS);
	CHECK_EQ(race(remove_name), ROUNDS);
	CHECK_OK(stat("origin", &st));
	CHECK_EQ(st.st_nlink, 1);
	CHECK_EQ(race(remove_directory), ROUNDS);
	CHECK_EQ(race(take_by_rename), ROUNDS);
	CHECK_EQ(race(rename_without_replacing), ROUNDS);
}

static bool append_record(int racer, int round)
{
	char record[101];
	int fd = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);
	bool written;

	(void)round;
	memset(record, 'a' + racer, 99);
	record[99] = '\n';
	written = write(fd, record, 100) == 100;
	close(fd);
	return written;
}

static void test_append_loses_nothing(void)
{
	static char log[RACERS * ROUNDS * 100 + 1];
	int torn = 0;

	CHECK_EQ(race(append_record), RACERS * ROUNDS);
	CHECK_EQ(get_file("log", log, sizeof(log)), sizeof(log) - 1);
	for (size_t at = 0; at + 1 < sizeof(log); at += 100) {
		for (size_t i = 1; i < 99; i++)
			torn += log[at + i] != log[at];
		torn += log[at + 99] != '\n';
	}
	CHECK_EQ(torn, 0);
}

static int shared_fd;

static bool write_at_shared_offset(int racer, int round)
{
	char record[16];

	(void)round;
	memset(record, 'a' + racer, sizeof(record));
	return write(shared_fd, record, sizeof(record)) == sizeof(record);
}

/* open(2) descriptions share the offset, and write(2) moves it atomically. */
static void test_shared_offset_loses_nothing(void)
{
	static char all[RACERS * ROUNDS * 16 + 1];
	int count[RACERS] = {0};
	bool fair = true;

	shared_fd = open("shared", O_RDWR | O_CREAT, 0600);
	CHECK_EQ(race(write_at_shared_offset), RACERS * ROUNDS);
	CHECK_EQ(get_file("shared", all, sizeof(all)), sizeof(all) - 1);
	for (size_t i = 0; i + 1 < sizeof(all); i++)
		if (all[i] >= 'a' && all[i] < 'a' + RACERS)
			count[all[i] - 'a']++;
	for (int i = 0; i < RACERS; i++)
		fair &= count[i] == ROUNDS * 16;
	CHECK(fair);
	close(shared_fd);
}

static bool write_own_stripe(int racer, int round)
{
	char byte = (char)('a' + racer), back = 0;
	off_t at = (off_t)round * RACERS + racer;

	return pwrite(shared_fd, &byte, 1, at) == 1 && pread(shared_fd, &back, 1, at) == 1 &&
	       back == byte;
}

static void test_stripes(void)
{
	char all[RACERS * ROUNDS + 1];
	int wrong = 0;

	shared_fd = open("stripes", O_RDWR | O_CREAT, 0600);
	CHECK_EQ(race(write_own_stripe), RACERS * ROUNDS);
	CHECK_EQ(get_file("stripes", all, sizeof(all)), RACERS * ROUNDS);
	for (int i = 0; i < RACERS * ROUNDS; i++)
		wrong += all[i] != 'a' + i % RACERS;
	CHECK_EQ(wrong, 0);
	close(shared_fd);
}

int main(void)
{
	test_begin();
	test_one_winner();
	test_append_loses_nothing();
	test_shared_offset_loses_nothing();
	test_stripes();
	return test_done();
}
