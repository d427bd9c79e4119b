/* covers: ioctl read write poll */
/* Canonical mode of termios(3): lines, the keys that edit them, and what is echoed. */
#include "tests/conformance/terminals/terminal_test.h"

static struct pty pty;

static void check_lines(void)
{
	CHECK_STR(pty_read(&pty), "(nothing)");
	pty_type(&pty, "one");
	CHECK_STR(pty_read(&pty), "(nothing)");
	pty_type(&pty, "\ntwo\nthr");
	CHECK_STR(pty_read(&pty), "one\n");
	CHECK_STR(pty_read(&pty), "two\n");
	CHECK_STR(pty_read(&pty), "(nothing)");
	pty_type(&pty, "ee\r");
	CHECK_STR(pty_read(&pty), "three\n"); /* ICRNL */
	CHECK_STR(pty_shown(&pty, 17), "one\r\ntwo\r\nthree\r\n");
}

static void check_short_reads(void)
{
	char bytes[8] = "";

	pty_type(&pty, "abcdef\n");
	REQUIRE(is_ready(pty.near, PATIENCE_MS));
	CHECK_EQ(read(pty.near, bytes, 4), 4);
	CHECK(!memcmp(bytes, "abcd", 4));
	CHECK_STR(pty_read(&pty), "ef\n");
	/* An end of file just after what was read does not become one of its own. */
	pty_type(&pty, "wxyz\004");
	REQUIRE(is_ready(pty.near, PATIENCE_MS));
	CHECK_EQ(read(pty.near, bytes, 4), 4);
	CHECK_STR(pty_read(&pty), "(nothing)");
	(void)pty_shown(&pty, 12);
}

static void check_ends(void)
{
	pty_type(&pty, "\004");
	CHECK_STR(pty_read(&pty), "(end)");
	CHECK_STR(pty_read(&pty), "(nothing)");
	pty_type(&pty, "part\004");
	CHECK_STR(pty_read(&pty), "part");
	CHECK_STR(pty_read(&pty), "(nothing)");
	CHECK_STR(pty_shown(&pty, 4), "part");
	pty_key(&pty, VEOL, '|');
	pty_type(&pty, "a|b\n");
	CHECK_STR(pty_read(&pty), "a|");
	CHECK_STR(pty_read(&pty), "b\n");
	pty_key(&pty, VEOL, 0);
	(void)pty_shown(&pty, 5);
}

static void check_erase(void)
{
	pty_type(&pty, "cat\177\177ow\n");
	CHECK_STR(pty_read(&pty), "cow\n");
	CHECK_STR(pty_shown(&pty, 13), "cat\b \b\b \bow\r\n");
	pty_type(&pty, "\177\177x\n"); /* nothing to erase */
	CHECK_STR(pty_read(&pty), "x\n");
	CHECK_STR(pty_shown(&pty, 3), "x\r\n");
	pty_type(&pty, "say a_b1  \027good\n"); /* a word, and the spaces after it */
	CHECK_STR(pty_read(&pty), "say good\n");
	CHECK_STR(pty_shown(&pty, 34), "say a_b1  \b \b\b \b\b \b\b \b\b \b\b \bgood\r\n");
	pty_type(&pty, "all\025new\n");
	CHECK_STR(pty_read(&pty), "new\n");
	CHECK_STR(pty_shown(&pty, 17), "all\b \b\b \b\b \bnew\r\n");
	pty_type(&pty, "line\n\177next\n"); /* no line is edited once it is ended */
	CHECK_STR(pty_read(&pty), "line\n");
	CHECK_STR(pty_read(&pty), "next\n");
	(void)pty_shown(&pty, 12);
}

static void check_control_echo(void)
{
	pty_type(&pty, "a\001b\177\177\n"); /* ^A is two columns wide */
	CHECK_STR(pty_read(&pty), "a\n");
	CHECK_STR(pty_shown(&pty, 15), "a^Ab\b \b\b \b\b \b\r\n");
	pty_type(&pty, "ab\tc\177\177d\n"); /* back over a tab */
	CHECK_STR(pty_read(&pty), "abd\n");
	CHECK_STR(pty_shown(&pty, 16), "ab\tc\b \b\b\b\b\b\b\bd\r\n");
	pty_change(&pty, LOCAL_FLAGS, 0, ECHOCTL);
	pty_type(&pty, "\001\177x\n");
	CHECK_STR(pty_read(&pty), "x\n");
	CHECK_STR(pty_shown(&pty, 4), "\001x\r\n");
	pty_change(&pty, LOCAL_FLAGS, ECHOCTL, 0);
}

static void check_other_echo(void)
{
	pty_change(&pty, LOCAL_FLAGS, 0, ECHO);
	pty_type(&pty, "secret\177\n");
	CHECK_STR(pty_read(&pty), "secre\n");
	CHECK_STR(pty_shown(&pty, 0), "");
	pty_change(&pty, LOCAL_FLAGS, ECHONL, 0);
	pty_type(&pty, "word\n");
	CHECK_STR(pty_shown(&pty, 2), "\r\n");
	CHECK_STR(pty_read(&pty), "word\n");
	pty_change(&pty, LOCAL_FLAGS, ECHO, ECHONL | ECHOE);
	pty_type(&pty, "ab\177\n"); /* the key itself */
	CHECK_STR(pty_shown(&pty, 6), "ab^?\r\n");
	CHECK_STR(pty_read(&pty), "a\n");
	pty_change(&pty, LOCAL_FLAGS, ECHOE, ECHOKE);
	pty_type(&pty, "ab\025c\n");
	CHECK_STR(pty_shown(&pty, 9), "ab^U\r\nc\r\n");
	CHECK_STR(pty_read(&pty), "c\n");
	pty_change(&pty, LOCAL_FLAGS, ECHOKE | ECHOPRT, 0);
	pty_type(&pty, "abc\177\177d\n");
	CHECK_STR(pty_shown(&pty, 10), "abc\\cb/d\r\n");
	CHECK_STR(pty_read(&pty), "ad\n");
	pty_change(&pty, LOCAL_FLAGS, 0, ECHOPRT);
}

static void check_quoting(void)
{
	pty_type(&pty, "a\026\177\026\004b\n"); /* VLNEXT: keys stand for themselves */
	CHECK_STR(pty_read(&pty), "a\177\004b\n");
	CHECK_STR(pty_shown(&pty, 12), "a^\b^?^\b^Db\r\n");
	pty_type(&pty, "ab\022c\n"); /* VREPRINT */
	CHECK_STR(pty_read(&pty), "abc\n");
	CHECK_STR(pty_shown(&pty, 11), "ab^R\r\nabc\r\n");
	pty_change(&pty, LOCAL_FLAGS, 0, IEXTEN);
	pty_type(&pty, "a\026b\027\n");
	CHECK_STR(pty_read(&pty), "a\026b\027\n");
	pty_change(&pty, LOCAL_FLAGS, IEXTEN, 0);
	(void)pty_shown(&pty, 8);
}

static void check_utf8(void)
{
	pty_change(&pty, INPUT_FLAGS, IUTF8, 0);
	pty_type(&pty, "a\303\244\177b\n"); /* one character, two bytes */
	CHECK_STR(pty_read(&pty), "ab\n");
	CHECK_STR(pty_shown(&pty, 9), "a\303\244\b \bb\r\n");
	pty_change(&pty, INPUT_FLAGS, 0, IUTF8);
	pty_type(&pty, "\303\244\177\n");
	CHECK_STR(pty_read(&pty), "\303\n");
	(void)pty_shown(&pty, 7);
}

static void check_conversions(void)
{
	pty_change(&pty, INPUT_FLAGS, IGNCR, 0);
	pty_type(&pty, "a\rb\n");
	CHECK_STR(pty_read(&pty), "ab\n");
	pty_change(&pty, INPUT_FLAGS, INLCR, ICRNL | IGNCR);
	pty_type(&pty, "a\nb\004");
	CHECK_STR(pty_read(&pty), "a\rb");
	pty_change(&pty, INPUT_FLAGS, ICRNL | ISTRIP, INLCR);
	pty_type(&pty, "\341\n");
	CHECK_STR(pty_read(&pty), "a\n");
	pty_change(&pty, INPUT_FLAGS, IUCLC, ISTRIP);
	pty_type(&pty, "AbC\n");
	CHECK_STR(pty_read(&pty), "abc\n");
	pty_change(&pty, INPUT_FLAGS, 0, IUCLC);
	(void)pty_shown(&pty, 10);
}

static void check_long_line(void)
{
	static char keys[5001], line[8192];
	ssize_t n;

	pty_change(&pty, LOCAL_FLAGS, 0, ECHO);
	memset(keys, 'x', sizeof(keys) - 1);
	pty_type(&pty, keys);
	pty_type(&pty, "\n");
	REQUIRE(is_ready(pty.near, PATIENCE_MS));
	n = read(pty.near, line, sizeof(line));
	CHECK_EQ(n, 4096); /* the rest is lost, the end is not */
	CHECK_EQ(line[4094], 'x');
	CHECK_EQ(line[4095], '\n');
	CHECK_STR(pty_read(&pty), "(nothing)");
	pty_change(&pty, LOCAL_FLAGS, ECHO, 0);
}

static void check_mode_change(void)
{
	pty_change(&pty, LOCAL_FLAGS, 0, ECHO);
	pty_type(&pty, "typed");
	pty_change(&pty, LOCAL_FLAGS, 0, ICANON);
	CHECK_STR(pty_read(&pty), "typed");
	pty_type(&pty, "bytes");
	REQUIRE(is_ready(pty.near, PATIENCE_MS));
	pty_change(&pty, LOCAL_FLAGS, ICANON, 0);
	CHECK_STR(pty_read(&pty), "bytes"); /* what is there has become a line */
	pty_change(&pty, LOCAL_FLAGS, ECHO, 0);
}

int main(void)
{
	test_start();
	pty_open(&pty);
	check_lines();
	check_short_reads();
	check_ends();
	check_erase();
	check_control_echo();
	check_other_echo();
	check_quoting();
	check_utf8();
	check_conversions();
	check_long_line();
	check_mode_change();
	pty_close(&pty);
	return test_done();
}
