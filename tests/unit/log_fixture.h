/* log_fixture.h - the log of a test, in a file without a name: what was said can be looked for. */
#ifndef POLICYPOOL_TESTS_LOG_FIXTURE_H
#define POLICYPOOL_TESTS_LOG_FIXTURE_H

#include "log.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int logged_fd = -1;

static inline void
log_to_memory(void)
{
	struct log_options o = {.program = "test", .target = "stderr", .level = LOG_VERBOSE};
	char path[64];

	logged_fd = memfd_create("log", MFD_CLOEXEC);
	cr_assert_geq(logged_fd, 0);
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", logged_fd);
	o.target = path;
	cr_assert_eq(log_open(&o), 0);
}

/* All that was said; of the last 32 KiB. */
static inline const char *
logged(void)
{
	static char text[32769];
	off_t size = lseek(logged_fd, 0, SEEK_END), from = size > 32768 ? size - 32768 : 0;
	ssize_t n = pread(logged_fd, text, sizeof text - 1, from);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

/* So many lines hold that. */
static inline unsigned
lines_with(const char *what)
{
	unsigned n = 0;

	for (const char *at = logged(); (at = strstr(at, what)) != NULL; at += strlen(what))
		n++;
	return n;
}

#define expect_logged(what)	cr_expect(strstr(logged(), what) != NULL, "%s\n%s", what, logged())
#define expect_not_logged(what) cr_expect(strstr(logged(), what) == NULL, "%s\n%s", what, logged())

#endif
