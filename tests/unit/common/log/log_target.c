/* log_target: datagrams to a syslog that comes and goes. */
#include "log_target.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[] = "/tmp/sink-XXXXXX", path[64], got[512];
static int out;

static int
listen_there(void)
{
	struct sockaddr_un where = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	(void)snprintf(where.sun_path, sizeof where.sun_path, "%s", path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&where, sizeof where), 0);
	return fd;
}

static bool
say(const char *line)
{
	return log_syslog_send(out, path, "prog", 1, line, strlen(line));
}

static const char *
heard(int fd)
{
	ssize_t n = recv(fd, got, sizeof got - 1, 0);

	got[n < 0 ? 0 : n] = '\0';
	return got;
}

static void
begin(void)
{
	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/log", dir);
	out = log_syslog_open();
	cr_assert_geq(out, 0);
}

static void
end(void)
{
	(void)unlink(path);
	(void)rmdir(dir);
}

TestSuite(log_target, .init = begin, .fini = end);

Test(log_target, a_line_has_priority_time_program_and_pid)
{
	int fd = listen_there(), day, hour, minute, second;
	char month[4], tail[64], want[64];

	cr_assert(say("level=warn msg=\"m\""));
	cr_assert_eq(sscanf(heard(fd), "<28>%3s %d %d:%d:%d %63[^\n]", month, &day, &hour, &minute,
			    &second, tail),
		     6, "%s", got);
	(void)snprintf(want, sizeof want, "prog[%d]: level=warn msg=\"m\"", (int)getpid());
	cr_assert_str_eq(tail, want);
}

Test(log_target, nobody_there_is_told_and_who_comes_back_is_found)
{
	int fd;

	cr_assert_not(say("lost"));
	cr_assert_eq(errno, ENOENT);
	fd = listen_there();
	cr_assert(say("first"));
	(void)close(fd);
	cr_assert_not(say("lost"));
	cr_assert_eq(unlink(path), 0);
	fd = listen_there();
	cr_assert(say("again"));
	cr_assert_not_null(strstr(heard(fd), "again"));
}

Test(log_target, one_that_does_not_read_never_blocks, .timeout = 10)
{
	(void)listen_there();
	while (say("more"))
		;
	cr_assert_eq(errno, EAGAIN);
}
