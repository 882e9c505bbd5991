/* daemon.c - see daemon.h. */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "handover.h"
#include "notify.h"

enum { NARRATE_AUTO, NARRATE_YES };

/* Of this process: there is one pidfile and one waiting parent at most. */
static struct {
	char *pidfile; /* written by this process, or NULL */
	int lock;      /* its descriptor */
	pid_t owner; /* who wrote it: a child that forgot daemon_after_fork() must not remove it */
	int parent;  /* the pipe on which the parent waits */
} self = {.lock = -1, .parent = -1};

/* ---- detaching ---- */

/* The parent: gone once the child serves, or has ended. */
static NORETURN void
wait_for(int ready)
{
	char word;
	ssize_t n;

	do
		n = read(ready, &word, 1);
	while (n < 0 && errno == EINTR);
	_exit(n == 1 ? 0 : 1); /* the child has told why on stderr */
}

/* Started without stdio, the next descriptors would take its place, and what is meant for stderr
 * would go to a peer. */
static int
fill_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	return fd < 0 ? -1 : close(fd);
}

int
daemon_detach(const struct daemon_conf *conf)
{
	int fd[2];
	pid_t pid;

	if (fill_stdio() < 0)
		return -1;
	if (!conf->daemon)
		return 0;
	if (handover_is_on()) /* as the predecessor did */
		return chdir("/");
	if (pipe2(fd, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid < 0) {
		(void)close(fd[0]);
		(void)close(fd[1]);
		return -1;
	}
	if (pid > 0) {
		(void)close(fd[1]);
		wait_for(fd[0]);
	}
	(void)close(fd[0]);
	self.parent = fd[1];
	(void)umask(022);
	/* One fork: a session of its own has no terminal, and nothing here opens one (O_NOCTTY). */
	return setsid() < 0 || chdir("/") < 0 ? -1 : 0;
}

/* Whoever started us gets its terminal or pipe back. */
static void
let_go_of_stdio(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		(void)dup2(null, fd);
	if (null > 2)
		(void)close(null);
	log_to_stderr_too(false);
}

void
daemon_ready(void)
{
	notify_ready();
	if (self.parent < 0)
		return;
	let_go_of_stdio();
	if (write(self.parent, "r", 1) < 0)
		log_errno(LOG_WARN, "nobody waits for this daemon to be ready", NULL);
	(void)close(self.parent);
	self.parent = -1;
}

/* ---- log ---- */

static const char *
log_target(const struct daemon_conf *conf)
{
	if (conf->log[0] != '\0')
		return conf->log;
	return conf->daemon ? "syslog" : "stderr";
}

static int
open_log(const struct daemon_conf *conf, const char *program)
{
	struct log_options o = {
		.program = program,
		.target = log_target(conf),
		.level = (enum log_level)conf->log_level,
		.json = conf->log_format == 1,
		.narrate = conf->narrate == NARRATE_YES ||
			   (conf->narrate == NARRATE_AUTO && !conf->daemon),
	};

	return log_open(&o);
}

int
daemon_log(const struct daemon_conf *conf, const char *program)
{
	const char *target = log_target(conf);

	if (open_log(conf, program) < 0) {
		log_errno(LOG_ERROR, "cannot open the log", "path=%s", log_quoted(target));
		return -1;
	}
	log_to_stderr_too(conf->daemon && strcmp(target, "stderr") != 0);
	notify_open();
	return 0;
}

int
daemon_log_anew(const struct daemon_conf *conf, const char *program)
{
	return open_log(conf, program);
}

/* ---- paths ---- */

static char *printed(const char *fmt, ...) PRINTF_LIKE(1, 2);

static char *
printed(const char *fmt, ...)
{
	char *out;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&out, fmt, ap);
	va_end(ap);
	return n < 0 ? NULL : out;
}

char *
daemon_runtime_dir(const char *configured)
{
	const char *user = getenv("XDG_RUNTIME_DIR");

	if (configured != NULL && configured[0] != '\0')
		return strdup(configured);
	if (geteuid() == 0)
		return strdup("/run/policypool");
	if (user != NULL && user[0] == '/')
		return printed("%s/policypool", user);
	return printed("/tmp/policypool-%u", (unsigned)geteuid());
}

/* RUNTIME/NAME.SUFFIX, the folder made and found trustworthy.  NULL with errno. */
static char *
runtime_path(const struct daemon_conf *conf, const char *name, const char *suffix)
{
	char *dir = daemon_runtime_dir(conf->runtime_dir), *path = NULL;

	if (dir == NULL)
		return NULL;
	if (folder_prepare(dir, 0755) < 0)
		log_errno(LOG_WARN, "cannot use the runtime directory", "path=%s", log_quoted(dir));
	else
		path = printed("%s/%s.%s", dir, name, suffix);
	free(dir);
	return path;
}

char *
daemon_control_path(const struct daemon_conf *conf, const char *name)
{
	if (strcmp(conf->control, "none") == 0) {
		errno = 0;
		return NULL;
	}
	if (conf->control[0] != '\0')
		return strdup(conf->control);
	return runtime_path(conf, name, "sock");
}

/* ---- pidfile ---- */

/* Who is said to be in it; 0 when nobody is. */
static long
pid_in(int fd)
{
	char text[16];
	ssize_t n = pread(fd, text, sizeof text - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return strtol(text, NULL, 10);
}

/* 1; 0 when the lock is that of a file that has lost its name to another meanwhile; or -1.  The
 * lock is the open file's, not the process's: a successor has it without a gap. */
static int
lock_pidfile(int fd, const char *path)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct stat mine, named;

	if (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
		if (errno == EACCES || errno == EAGAIN)
			log_event(LOG_ERROR, "already running", "pidfile=%s by_pid=%ld",
				  log_quoted(path), pid_in(fd));
		else
			log_errno(LOG_ERROR, "cannot lock the pidfile", "pidfile=%s",
				  log_quoted(path));
		return -1;
	}
	return fstat(fd, &mine) == 0 && lstat(path, &named) == 0 && mine.st_ino == named.st_ino &&
	       mine.st_dev == named.st_dev;
}

/* The locked descriptor, or -1 with the reason logged. */
static int
open_pidfile(const char *path)
{
	int locked;

	do {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0644);

		if (fd < 0) {
			log_errno(LOG_ERROR, "cannot open the pidfile", "pidfile=%s",
				  log_quoted(path));
			return -1;
		}
		locked = lock_pidfile(fd, path);
		if (locked > 0)
			return fd;
		(void)close(fd);
	} while (locked == 0);
	return -1;
}

static int
write_pid(int fd, const char *path)
{
	char text[16];
	int n = snprintf(text, sizeof text, "%d\n", (int)getpid());

	if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) == n)
		return 0;
	log_errno(LOG_ERROR, "cannot write the pidfile", "pidfile=%s", log_quoted(path));
	return -1;
}

static void
own_pidfile(char *path, int fd, pid_t owner)
{
	self.pidfile = path;
	self.lock = fd;
	self.owner = owner;
}

int
daemon_pidfile(const struct daemon_conf *conf, const char *name)
{
	char *path;
	int fd;

	if (conf->pidfile[0] == '\0' && !conf->daemon)
		return 0;
	path = conf->pidfile[0] != '\0' ? strdup(conf->pidfile) : runtime_path(conf, name, "pid");
	if (path == NULL) {
		log_errno(LOG_ERROR, "no place for the pidfile", NULL);
		return -1;
	}
	fd = handover_take(HANDOVER_PIDFILE, path);
	if (fd >= 0) {
		own_pidfile(path, fd, 0); /* nobody's here yet */
		return 0;
	}
	fd = open_pidfile(path);
	if (fd < 0 || write_pid(fd, path) < 0) {
		if (fd >= 0)
			(void)close(fd);
		free(path);
		return -1;
	}
	own_pidfile(path, fd, getpid());
	return 0;
}

void
daemon_take_over(void)
{
	if (self.pidfile == NULL || self.owner != 0)
		return;
	self.owner = getpid();
	if (write_pid(self.lock, self.pidfile) < 0)
		return; /* which is logged; the lock is held all the same */
}

int
daemon_pidfile_held(const char **path)
{
	*path = self.pidfile;
	return self.lock;
}

void
daemon_hand_over(void)
{
	self.owner = 0;
}

static void
forget(void)
{
	if (self.lock >= 0)
		(void)close(self.lock);
	if (self.parent >= 0)
		(void)close(self.parent);
	free(self.pidfile);
	self.pidfile = NULL;
	self.lock = self.parent = -1;
}

void
daemon_after_fork(void)
{
	handover_close();
	log_tell_too(-1);
	notify_after_fork();
	if (self.parent >= 0)
		let_go_of_stdio();
	forget();
}

void
daemon_end(void)
{
	if (self.pidfile != NULL && self.owner == getpid())
		(void)unlink(self.pidfile);
	forget();
}

/* ---- workers ---- */

unsigned
daemon_workers(const struct daemon_conf *conf)
{
	cpu_set_t set;
	int n;

	if (conf->workers > 0)
		return conf->workers;
	n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
	return n < 1 ? 1 : n > DAEMON_WORKERS_MAX ? DAEMON_WORKERS_MAX : (unsigned)n;
}

unsigned
daemon_slots(const struct daemon_conf *conf)
{
	unsigned n = 4 * daemon_workers(conf) + 16;

	return n > DAEMON_WORKERS_MAX ? DAEMON_WORKERS_MAX : n;
}
