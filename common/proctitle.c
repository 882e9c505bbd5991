/* proctitle.c - see proctitle.h. */
#include "proctitle.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The block of memory that the kernel shows: the arguments, one after the other. */
static struct {
	char *start;
	size_t size;
	const char *program;
} title;

void
proctitle_init(int argc, char *argv[], const char *program)
{
	char *end;

	if (argc < 1)
		return;
	end = argv[0];
	for (int i = 0; i < argc && argv[i] == end; i++)
		end += strlen(argv[i]) + 1;
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
	/* The last byte stays zero: otherwise the kernel goes on into the environment. */
	(void)snprintf(title.start, title.size, "%s", text);
}
