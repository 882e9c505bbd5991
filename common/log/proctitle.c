/* proctitle.c - see proctitle.h. */
#include "proctitle.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The block of memory that the kernel shows: the arguments, one after the other, and where the last
 * byte of theirs is not zero, what follows: the environment. */
static struct {
	char *start;
	size_t size;
	const char *program;
	char **environment; /* what environ was made, even if it is another by now */
} title;

/* The strings that stand one after the other from end on; behind the last. */
static char *
behind(char *end, char *const string[])
{
	for (; *string != NULL && *string == end; string++)
		end += strlen(*string) + 1;
	return end;
}

/* A copy of the environment in one piece, for the rest of the process's life, so that its place is
 * free.  False on ENOMEM with everything as it was. */
static bool
move_environment(void)
{
	size_t n = 0, bytes = 0;
	char *text;

	for (; environ[n] != NULL; n++)
		bytes += strlen(environ[n]) + 1;
	title.environment = malloc((n + 1) * sizeof *environ + bytes);
	if (title.environment == NULL)
		return false;
	text = (char *)(title.environment + n + 1);
	for (size_t i = 0; i < n; i++) {
		title.environment[i] = strcpy(text, environ[i]);
		text += strlen(text) + 1;
	}
	title.environment[n] = NULL;
	environ = title.environment;
	return true;
}

void
proctitle_init(int argc, char *argv[], const char *program)
{
	char *end, *far;

	if (argc < 1)
		return;
	end = behind(argv[0], argv);
	far = environ == NULL ? end : behind(end, environ);
	if (far > end && move_environment())
		end = far;
	title.start = argv[0];
	title.size = (size_t)(end - argv[0]);
	title.program = program;
}

void
proctitle_set(const char *fmt, ...)
{
	char text[256];
	int head, n;
	va_list ap;

	if (title.start == NULL)
		return;
	head = snprintf(text, sizeof text, "%s: ", title.program);
	va_start(ap, fmt);
	n = vsnprintf(text + head, sizeof text - (size_t)head, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	memset(title.start, 0, title.size);
	(void)snprintf(title.start, title.size, "%s", text);
}
