/* atomic_file.c - see atomic_file.h. */
#include "atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "atomic_file_io.h"
#include "clock.h"
#include "log.h"
#include "state_lock.h"

enum { JOIN_S = 5 }; /* for the thread's end: a disk may hang */
enum job { JOB_NONE, JOB_BEAT, JOB_WRITE };

struct atomic_file {
	char *path, *aside, *folder, *lock_path;
	const struct atomic_file_ops *ops;
	void *ctx;
	struct event *timer, *finished, *beat;
	int told; /* eventfd: the thread has finished a write */
	struct buf text;
	bool writing; /* the thread is at it; it may have text */
	bool failing;
	const char *failed_at;
	uint64_t next; /* clock_ms(): not written before */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	enum job job; /* under the lock, this and what follows */
	bool begun, ending;
	int error;	/* of the last job */
	const char *at; /* the file that it was about; one of those above */
	int lock_file;	/* the descriptor with our lock, or -1 */
};

/* ---- one write; also run by the thread: nothing here allocates ---- */

/* Someone may have removed the lock's file, and another process may have made it anew. */
static int
hold_lock(struct atomic_file *s)
{
	long holder;
	int fd;

	if (s->lock_file >= 0 && state_lock_is_at(s->lock_file, s->lock_path))
		return 0;
	fd = state_lock_take(s->lock_path, &holder);
	if (fd < 0)
		return -1;
	(void)pthread_mutex_lock(&s->lock);
	if (s->lock_file >= 0)
		(void)close(s->lock_file);
	s->lock_file = fd;
	(void)pthread_mutex_unlock(&s->lock);
	return 0;
}

static int
beat(struct atomic_file *s)
{
	return hold_lock(s) < 0 || state_lock_beat(s->lock_file) < 0 ? errno : 0;
}

/* 0, or an errno; *at is the file that it is about. */
static int
write_file(struct atomic_file *s, const char **at)
{
	int error = beat(s);

	*at = s->lock_path;
	if (error != 0)
		return error;
	*at = s->aside;
	if (atomic_file_write_aside(s->aside, buf_span(&s->text)) < 0)
		return errno;
	*at = s->path;
	if (rename(s->aside, s->path) < 0)
		return errno;
	*at = s->folder;
	return atomic_file_sync_folder(s->folder) < 0 ? errno : 0;
}

/* ---- the thread ---- */

static void *
write_jobs(void *arg)
{
	struct atomic_file *s = arg;
	uint64_t one = 1;

	(void)pthread_mutex_lock(&s->lock);
	s->begun = true;
	(void)pthread_cond_broadcast(&s->wake);
	for (;;) {
		while (s->job == JOB_NONE && !s->ending)
			(void)pthread_cond_wait(&s->wake, &s->lock);
		if (s->job == JOB_NONE)
			break;
		enum job job = s->job;
		(void)pthread_mutex_unlock(&s->lock);
		const char *at = s->lock_path;
		int error = job == JOB_BEAT ? beat(s) : write_file(s, &at);
		(void)pthread_mutex_lock(&s->lock);
		s->error = error;
		s->at = at;
		s->job = JOB_NONE;
		(void)pthread_cond_broadcast(&s->wake);
		if (write(s->told, &one, sizeof one) < 0)
			continue; /* the counter is full: it is readable anyway */
	}
	(void)pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* Signals are the loop's.  Returns once it runs: while a thread begins it allocates, and a process
 * that is forked then may find an allocator's lock held for ever (a sanitizer's is not fork-safe).
 */
static int
start_thread(struct atomic_file *s)
{
	sigset_t all, before;
	int error;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&s->thread, NULL, write_jobs, s);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0) {
		errno = error;
		return -1;
	}
	(void)pthread_mutex_lock(&s->lock);
	while (!s->begun)
		(void)pthread_cond_wait(&s->wake, &s->lock);
	(void)pthread_mutex_unlock(&s->lock);
	return 0;
}

/* ---- the loop's side ---- */

static void
arm(struct atomic_file *s, uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	if (event_add(s->timer, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm the clock of the state file", NULL);
}

static void
settle(struct atomic_file *s, int error, const char *at)
{
	bool failed = error != 0;

	s->failed_at = at;
	s->writing = false;
	s->next = clock_ms() + (failed ? ATOMIC_FILE_RETRY_MS : ATOMIC_FILE_WAIT_MS);
	if (failed != s->failing)
		s->ops->on_trouble(error, s->ctx);
	s->failing = failed;
}

static void
hand_over(struct atomic_file *s, enum job job)
{
	(void)pthread_mutex_lock(&s->lock);
	s->job = job;
	(void)pthread_cond_broadcast(&s->wake);
	(void)pthread_mutex_unlock(&s->lock);
	s->writing = true;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct atomic_file *s = arg;
	uint64_t now = clock_ms();

	(void)fd;
	(void)what;
	if (s->writing || now < s->next) {
		arm(s, s->writing ? ATOMIC_FILE_WAIT_MS : s->next - now);
		return;
	}
	buf_clear(&s->text);
	if (s->ops->compose(&s->text, s->ctx) == 0)
		hand_over(s, JOB_WRITE);
	arm(s, s->writing ? ATOMIC_FILE_FRESH_MS : ATOMIC_FILE_RETRY_MS);
}

static void
on_finished(evutil_socket_t fd, short what, void *arg)
{
	struct atomic_file *s = arg;
	uint64_t n;
	const char *at;
	bool done;
	int error;

	(void)what;
	if (read(fd, &n, sizeof n) < 0)
		return;
	(void)pthread_mutex_lock(&s->lock);
	done = s->job == JOB_NONE;
	error = s->error;
	at = s->at;
	(void)pthread_mutex_unlock(&s->lock);
	if (!s->writing || !done)
		return; /* somebody waited for it meanwhile */
	settle(s, error, at);
	if (error != 0)
		arm(s, ATOMIC_FILE_RETRY_MS);
}

static void
on_beat(evutil_socket_t fd, short what, void *arg)
{
	struct atomic_file *s = arg;

	(void)fd;
	(void)what;
	/* A write does it too; one that failed is tried again soon. */
	if (!s->writing && !s->failing && clock_ms() >= s->next)
		hand_over(s, JOB_BEAT);
}

void
atomic_file_beat(struct atomic_file *s, uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	if (event_add(s->beat, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm the beat of the state file", NULL);
}

void
atomic_file_own(struct atomic_file *s, int lock)
{
	(void)pthread_mutex_lock(&s->lock);
	s->lock_file = lock;
	(void)pthread_mutex_unlock(&s->lock);
}

int
atomic_file_dup_lock(struct atomic_file *s)
{
	int fd;

	(void)pthread_mutex_lock(&s->lock);
	fd = fcntl(s->lock_file, F_DUPFD_CLOEXEC, 3);
	(void)pthread_mutex_unlock(&s->lock);
	return fd;
}

void
atomic_file_touch(struct atomic_file *s)
{
	uint64_t now = clock_ms();

	arm(s, s->next > now ? s->next - now : 0);
}

const char *
atomic_file_failed_at(const struct atomic_file *s)
{
	return s->failed_at == NULL ? s->path : s->failed_at;
}

int
atomic_file_flush(struct atomic_file *s)
{
	const char *at;
	int error;

	(void)pthread_mutex_lock(&s->lock);
	while (s->job != JOB_NONE)
		(void)pthread_cond_wait(&s->wake, &s->lock);
	(void)pthread_mutex_unlock(&s->lock);
	s->writing = false;
	buf_clear(&s->text);
	if (s->ops->compose(&s->text, s->ctx) < 0)
		return -1;
	error = write_file(s, &at);
	settle(s, error, at);
	errno = error;
	return error == 0 ? 0 : -1;
}

/* ---- making and freeing ---- */

static void
release(struct atomic_file *s)
{
	if (s->timer != NULL)
		event_free(s->timer);
	if (s->finished != NULL)
		event_free(s->finished);
	if (s->beat != NULL)
		event_free(s->beat);
	if (s->lock_file >= 0)
		(void)close(s->lock_file);
	if (s->told >= 0)
		(void)close(s->told);
	buf_release(&s->text);
	free(s->path);
	free(s->aside);
	free(s->folder);
	free(s->lock_path);
	free(s);
}

static int
name_paths(struct atomic_file *s, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);

	s->path = strdup(path);
	s->folder = n > 0 ? strndup(path, n) : strdup(slash != NULL ? "/" : ".");
	if (asprintf(&s->aside, "%s.new", path) < 0)
		s->aside = NULL;
	s->lock_path = state_lock_path(path);
	return s->path == NULL || s->folder == NULL || s->aside == NULL || s->lock_path == NULL ? -1
												: 0;
}

static int
open_events(struct atomic_file *s, struct event_base *base)
{
	s->told = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (s->told < 0)
		return -1;
	s->timer = event_new(base, -1, 0, on_timer, s);
	s->finished = event_new(base, s->told, EV_READ | EV_PERSIST, on_finished, s);
	s->beat = event_new(base, -1, EV_PERSIST, on_beat, s);
	if (s->timer == NULL || s->finished == NULL || s->beat == NULL ||
	    event_add(s->finished, NULL) < 0) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

struct atomic_file *
atomic_file_new(struct event_base *base, const char *path, const struct atomic_file_ops *ops,
		void *ctx)
{
	struct atomic_file *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->told = s->lock_file = -1;
	s->ops = ops;
	s->ctx = ctx;
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->wake, NULL);
	if (name_paths(s, path) < 0 || open_events(s, base) < 0 || start_thread(s) < 0) {
		int saved = errno;
		release(s);
		errno = saved;
		return NULL;
	}
	return s;
}

void
atomic_file_free(struct atomic_file *s)
{
	struct timespec limit;

	if (s == NULL)
		return;
	(void)pthread_mutex_lock(&s->lock);
	s->ending = true;
	(void)pthread_cond_broadcast(&s->wake);
	(void)pthread_mutex_unlock(&s->lock);
	(void)clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += JOIN_S;
	if (pthread_timedjoin_np(s->thread, NULL, &limit) != 0) {
		log_event(LOG_WARN, "the state file's disk hangs: it is left alone", "path=%s",
			  log_quoted(s->path));
		return; /* the thread still has it all */
	}
	(void)pthread_cond_destroy(&s->wake);
	(void)pthread_mutex_destroy(&s->lock);
	release(s);
}

void
atomic_file_after_fork(struct atomic_file *s)
{
	if (s != NULL)
		release(s);
}
