/* daemon_fixture.h - settings and a folder for the daemon tests, and what their children left
 * there. */
#ifndef POLICYPOOL_TESTS_DAEMON_FIXTURE_H
#define POLICYPOOL_TESTS_DAEMON_FIXTURE_H

#include "daemon.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct daemon_conf conf;
static struct conf_table table = {daemon_keys, 0, &conf, NULL, NULL, NULL, NULL};
static char dir[] = "/tmp/daemon-XXXXXX";

static int
load(const char *option, const char *value)
{
	char program[] = "program", word[64], text[256];
	char *argv[] = {program, word, text, NULL};
	struct conf_command command;
	char *told;
	size_t size;
	FILE *err = open_memstream(&told, &size);
	int r;

	table.n = daemon_keys_n;
	conf_free(&table, 1);
	memset(&conf, 0, sizeof conf);
	(void)snprintf(word, sizeof word, "%s", option != NULL ? option : "--");
	(void)snprintf(text, sizeof text, "%s", value != NULL ? value : "");
	r = conf_load(&table, 1, option == NULL ? 1 : 3, argv, NULL, &command, err);
	(void)fclose(err);
	free(told);
	return r;
}

static void
set(char **member, const char *value)
{
	free(*member);
	*member = strdup(value);
}

static void
set_in_dir(char **member, const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	set(member, path);
}

static void
begin(void)
{
	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(load(NULL, NULL), 0);
	set_in_dir(&conf.runtime_dir, "run");
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *walk)
{
	(void)st, (void)flag, (void)walk;
	return remove(path);
}

static void
end(void)
{
	daemon_end();
	log_close();
	conf_free(&table, 1);
	(void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int
status_of(pid_t pid)
{
	int status;

	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What is in DIR/name, in a static buffer. */
static const char *
content(const char *name)
{
	static char text[4096];
	char path[128];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_RDONLY);
	n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
	text[n < 0 ? 0 : n] = '\0';
	if (fd >= 0)
		(void)close(fd);
	return text;
}

/* In a child: stderr goes to DIR/stderr from here on. */
static void
stderr_to_file(void)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof path, "%s/stderr", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
		_exit(99);
}

#endif
