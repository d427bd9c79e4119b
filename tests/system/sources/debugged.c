/* What a debugger looks at: calls below each other, and one that sleeps most of the time. */
#include <stdio.h>
#include <unistd.h>

static volatile int number;

__attribute__((noinline)) static void inner(int argument)
{
	number = argument;
}

__attribute__((noinline)) static void middle(int argument)
{
	usleep(20000);
	inner(argument);
	printf("tick %d\n", number);
	fflush(stdout);
}

__attribute__((noinline)) static void outer(void)
{
	for (int i = 0;; i++)
		middle(i);
}

int main(void)
{
	puts("ready");
	fflush(stdout);
	outer();
	return 0;
}
