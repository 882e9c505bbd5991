/* atomic_file: what was composed last is what the file holds; trouble is told once and ends. */
#include "atomic_file.h"
#include "atomic_file_io.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "state_lock.h"

static char dir[] = "/tmp/statefile-test-XXXXXX";
static char path[64], aside[128];
static struct event_base *base;
static struct atomic_file *file;
static char state[64];
static unsigned composed, troubles, ends;
static int last_error;

static int
compose(struct buf *out, void *ctx)
{
	cr_assert_eq(ctx, state);
	composed++;
	return buf_append_str(out, state);
}

static void
on_trouble(int error, void *ctx)
{
	cr_assert_eq(ctx, state);
	troubles += error != 0;
	ends += error == 0;
	last_error = error;
}

static const struct atomic_file_ops ops = {compose, on_trouble};

static void
open_file(void)
{
	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/state", dir);
	base = event_base_new();
	file = atomic_file_new(base, path, &ops, state);
	cr_assert_not_null(file, "%s", strerror(errno));
}

static void
remove_lock(void)
{
	char lock[128];

	(void)snprintf(lock, sizeof lock, "%s.lock", path);
	(void)unlink(lock);
}

static void
close_file(void)
{
	atomic_file_free(file);
	event_base_free(base);
	remove_lock();
	(void)unlink(path);
	(void)unlink(aside);
	(void)rmdir(dir);
}

TestSuite(statefile, .init = open_file, .fini = close_file, .timeout = 30);

static const char *
content(void)
{
	static struct buf in;

	buf_clear(&in);
	if (atomic_file_read(path, &in) < 0 || buf_append(&in, "", 1) < 0)
		return "";
	return buf_span(&in).p;
}

static void
turn_until(const char *wanted)
{
	while (strcmp(content(), wanted) != 0)
		cr_assert_geq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
}

Test(statefile, holds_what_was_composed_last)
{
	struct stat st;

	(void)snprintf(state, sizeof state, "one");
	cr_assert_eq(access(path, F_OK), -1, "nothing is written before something has changed");
	atomic_file_touch(file);
	turn_until("one");
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	(void)snprintf(state, sizeof state, "two");
	atomic_file_touch(file);
	turn_until("two");
	(void)snprintf(aside, sizeof aside, "%s.new", path);
	cr_assert_eq(access(aside, F_OK), -1);
	cr_assert_eq(troubles + ends, 0);
}

Test(statefile, many_changes_are_few_writes)
{
	uint64_t begin = clock_ms();
	unsigned changes = 0;

	while (clock_ms() - begin < 3 * ATOMIC_FILE_WAIT_MS) {
		(void)snprintf(state, sizeof state, "%u", ++changes);
		atomic_file_touch(file);
		cr_assert_geq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	}
	turn_until(state);
	cr_assert_leq(composed, 6);
	cr_assert_gt(changes, 100);
}

Test(statefile, a_flush_writes_at_once)
{
	(void)snprintf(state, sizeof state, "last");
	cr_assert_eq(atomic_file_flush(file), 0);
	cr_assert_str_eq(content(), "last");
	(void)snprintf(state, sizeof state, "touched");
	atomic_file_touch(file);
	cr_assert_geq(event_base_loop(base, EVLOOP_ONCE), 0); /* the thread has it */
	(void)snprintf(state, sizeof state, "flushed");
	cr_assert_eq(atomic_file_flush(file), 0);
	cr_assert_str_eq(content(), "flushed");
	for (int i = 0; i < 10; i++)
		cr_assert_geq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	cr_assert_str_eq(content(), "flushed");
}

Test(statefile, trouble_names_the_file_that_it_is_about)
{
	char lock[80];

	(void)snprintf(aside, sizeof aside, "%s.new", path);
	(void)snprintf(lock, sizeof lock, "%s.lock", path);
	cr_assert_eq(mkdir(aside, 0700), 0);
	cr_assert_eq(atomic_file_flush(file), -1);
	cr_expect_eq(errno, EISDIR);
	cr_expect_str_eq(atomic_file_failed_at(file), aside);
	cr_assert_eq(rmdir(aside), 0);
	remove_lock();
	cr_assert_eq(mkdir(lock, 0700), 0);
	cr_assert_eq(atomic_file_flush(file), -1);
	cr_expect_str_eq(atomic_file_failed_at(file), lock);
	cr_assert_eq(rmdir(lock), 0);
}

Test(statefile, trouble_is_told_once_and_its_end)
{
	(void)snprintf(state, sizeof state, "kept");
	cr_assert_eq(rmdir(dir), 0);
	atomic_file_touch(file);
	while (troubles == 0)
		cr_assert_geq(event_base_loop(base, EVLOOP_ONCE), 0);
	cr_assert_eq(last_error, ENOENT);
	cr_assert_eq(atomic_file_flush(file), -1);
	cr_assert_eq(errno, ENOENT);
	cr_assert_eq(troubles, 1, "it is told once");
	cr_assert_eq(mkdir(dir, 0700), 0);
	while (ends == 0)
		cr_assert_geq(event_base_loop(base, EVLOOP_ONCE), 0);
	cr_assert_str_eq(content(), "kept");
	cr_assert_eq(troubles, 1);
}

Test(statefile, between_writes_it_says_that_it_lives)
{
	struct state_lock_beat first, later;
	char lock[128];
	int fd;

	(void)snprintf(state, sizeof state, "same");
	(void)snprintf(lock, sizeof lock, "%s.lock", path);
	cr_assert_eq(atomic_file_flush(file), 0);
	fd = open(lock, O_RDONLY | O_CLOEXEC);
	cr_assert(state_lock_read(fd, &first));
	cr_assert_eq(first.pid, getpid());
	atomic_file_beat(file, 20);
	do {
		cr_assert_geq(event_base_loop(base, EVLOOP_ONCE), 0);
		cr_assert(state_lock_read(fd, &later));
	} while (later.uptime < first.uptime + 200);
	cr_assert_eq(composed, 1, "the state was written again for that");
	cr_assert_eq(troubles + ends, 0);
	(void)close(fd);
}

Test(statefile, a_child_leaves_it_alone)
{
	pid_t pid;
	int status;

	(void)snprintf(state, sizeof state, "parent's");
	cr_assert_eq(atomic_file_flush(file), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		(void)event_reinit(base);
		atomic_file_after_fork(file);
		event_base_free(base);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	(void)snprintf(state, sizeof state, "still");
	atomic_file_touch(file);
	turn_until("still");
}

/* ---- reading ---- */

static void
cannot_read(const char *what, int error)
{
	struct buf in = BUF_INIT;

	cr_assert_eq(atomic_file_read(path, &in), -1, "%s", what);
	cr_assert_eq(errno, error, "%s: %s", what, strerror(errno));
	buf_release(&in);
}

Test(statefile, what_is_no_file_of_ours_is_not_read)
{
	cannot_read("absent", ENOENT);
	cr_assert_eq(symlink("/etc/passwd", path), 0);
	cannot_read("a link", ELOOP);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(mkdir(path, 0700), 0);
	cannot_read("a folder", EINVAL);
	cr_assert_eq(rmdir(path), 0);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cannot_read("a pipe", EINVAL);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(atomic_file_flush(file), 0);
	cr_assert_eq(truncate(path, ATOMIC_FILE_MAX + 1L), 0);
	cannot_read("too large", EFBIG);
	cr_assert_eq(truncate(path, 0), 0);
	if (geteuid() == 0 && chown(path, 12345, 12345) == 0)
		cannot_read("somebody else's", EPERM);
}

Test(statefile, what_is_set_aside_is_kept_under_another_name)
{
	(void)snprintf(state, sizeof state, "odd");
	cr_assert_eq(atomic_file_flush(file), 0);
	cr_assert_eq(atomic_file_set_aside(path, aside, sizeof aside), 0);
	cannot_read("gone", ENOENT);
	cr_assert_eq(access(aside, F_OK), 0);
	cr_assert_eq(strncmp(aside + strlen(path), ".bad-2", 6), 0, "%s", aside);
	cr_assert_eq(atomic_file_set_aside(path, aside, sizeof aside), -1);
}
