/* A LibOS that does nothing, so that images can be built and measured without the real one: code,
 * constants, data and more zero bytes than the file holds. */
static volatile const char constant[] = "fixture";
static volatile int data = 1;
static volatile char zero[12345];

void _start(void);

void _start(void)
{
	zero[data] = constant[0];
	for (;;)
		;
}
