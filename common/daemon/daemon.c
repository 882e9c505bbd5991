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
#include <sys/wait.h>
#include <unistd.h>

#include "log_target.h"
#include "pidfile.h"
#include "process_init.h"
#include "reaper.h"
#include "runtime_dir.h"
#include "sd_notify.h"
#include "takeover.h"

enum { NARRATE_AUTO, NARRATE_YES };

/* Of this process: there is one waiting parent at most. */
static struct {
	int parent; /* the pipe on which the parent waits */
	int null;   /* /dev/null, for when it is let go: none may be left to open then */
} self = {.parent = -1, .null = -1};

/* ---- detaching ---- */

/* The parent: gone once the child serves, or has ended.  That has told why on stderr, unless it was
 * killed. */
static NORETURN void
wait_for(int ready, pid_t child)
{
	char word;
	ssize_t n;
	int status;

	do
		n = read(ready, &word, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(0);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			_exit(1);
	if (WIFSIGNALED(status))
		log_event(LOG_ERROR, "the daemon was killed before it served", "signal=%d",
			  WTERMSIG(status));
	_exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : 1);
}

int
daemon_detach(const struct daemon_conf *conf)
{
	int fd[2];
	pid_t pid;

	if (process_fill_stdio() < 0)
		return -1;
	if (!conf->daemon)
		return 0;
	if (takeover_is_on()) /* as the predecessor did */
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
		wait_for(fd[0], pid);
	}
	(void)close(fd[0]);
	self.parent = fd[1];
	self.null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (self.null < 0)
		return -1;
	(void)umask(022);
	/* One fork: a session of its own has no terminal, and nothing here opens one (O_NOCTTY). */
	return setsid() < 0 || chdir("/") < 0 ? -1 : 0;
}

/* The terminal or pipe that we were started with is not ours any more, but for what we are told to
 * write to. */
static void
let_go_of_stdio(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (!log_uses(fd))
			(void)dup2(self.null, fd);
	(void)close(self.null);
	self.null = -1;
	log_to_stderr_too(false);
}

void
daemon_ready(void)
{
	sd_notify_ready();
	if (self.parent < 0)
		return;
	let_go_of_stdio();
	if (write(self.parent, "r", 1) < 0)
		log_errno(LOG_WARN, "nobody waits for this daemon to be ready", NULL);
	(void)close(self.parent);
	self.parent = -1;
}

/* ---- log ---- */

static char *runtime_path(const struct daemon_conf *, const char *name, const char *suffix);

/* Where there is no syslog, a detached daemon that was not told otherwise has a file, of the name
 * *made. */
static const char *
log_target(const struct daemon_conf *conf, const char *program, char **made)
{
	*made = NULL;
	if (conf->log[0] != '\0')
		return conf->log;
	if (!conf->daemon)
		return "stderr";
	if (log_syslog_there(LOG_SYSLOG_PATH) < 0)
		*made = runtime_path(conf, program, "log");
	return *made != NULL ? *made : "syslog";
}

static int
open_log(const struct daemon_conf *conf, const char *program, const char *target)
{
	struct log_options o = {
		.program = program,
		.target = target,
		.level = (enum log_level)conf->log_level,
		.json = conf->log_format == 1,
		.rate = conf->log_rate,
		.narrate = conf->narrate == NARRATE_YES ||
			   (conf->narrate == NARRATE_AUTO && !conf->daemon &&
			    isatty(STDOUT_FILENO) == 1),
	};

	return log_open(&o);
}

/* Lines to a syslog that is not there would be lost without a word. */
static void
tell_syslog(const char *target, const char *file)
{
	if (file == NULL &&
	    (strcmp(target, "syslog") != 0 || log_syslog_there(LOG_SYSLOG_PATH) == 0))
		return;
	log_to_stderr_too(true);
	if (file != NULL)
		log_event(LOG_WARN, "there is no syslog: the log is a file", "path=%s",
			  log_quoted(file));
	else
		log_errno(LOG_WARN,
			  "there is no syslog: log lines are lost until there is; set log to a "
			  "file",
			  "path=%s", LOG_SYSLOG_PATH);
}

int
daemon_log(const struct daemon_conf *conf, const char *program)
{
	char *file;
	const char *target = log_target(conf, program, &file);

	if (open_log(conf, program, target) < 0) {
		log_errno(LOG_ERROR, "cannot open the log", "path=%s", log_quoted(target));
		free(file);
		return -1;
	}
	tell_syslog(target, file);
	log_to_stderr_too(conf->daemon && strcmp(target, "stderr") != 0 &&
			  !takeover_is_on()); /* nobody waits for a successor there */
	free(file);
	if (!takeover_is_on()) /* otherwise the predecessor tells, until this one takes over */
		sd_notify_open();
	return 0;
}

int
daemon_log_anew(const struct daemon_conf *conf, const char *program)
{
	char *file;
	int rc = open_log(conf, program, log_target(conf, program, &file)), saved = errno;

	free(file);
	errno = saved;
	return rc;
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
	int rc;

	if (dir == NULL)
		return NULL;
	rc = runtime_dir_prepare(dir, 0755);
	if (rc < 0 && errno == EPERM)
		log_event(LOG_WARN,
			  "the runtime folder belongs to another user, who could replace what is "
			  "in it: give it to root, or name another with runtime_dir",
			  "path=%s", log_quoted(dir));
	else if (rc < 0)
		log_errno(LOG_WARN, "cannot use the runtime directory", "path=%s", log_quoted(dir));
	else
		path = printed("%s/%s.%s", dir, name, suffix);
	free(dir);
	return path;
}

int
daemon_prepare_for(const struct daemon_conf *conf, const char *path)
{
	char *dir = daemon_runtime_dir(conf->runtime_dir);
	int rc = dir == NULL ? -1 : 0;

	if (rc == 0 && runtime_dir_has(dir, path) && runtime_dir_prepare(dir, 0755) < 0) {
		log_errno(LOG_WARN, "cannot use the runtime directory", "path=%s", log_quoted(dir));
		rc = -1;
	}
	free(dir);
	return rc;
}

/* The configured path, ready to be used; NULL with errno. */
static char *
configured_path(const struct daemon_conf *conf, const char *path)
{
	return daemon_prepare_for(conf, path) < 0 ? NULL : strdup(path);
}

char *
daemon_control_path(const struct daemon_conf *conf, const char *name)
{
	if (strcmp(conf->control, "none") == 0) {
		errno = 0;
		return NULL;
	}
	if (conf->control[0] != '\0')
		return configured_path(conf, conf->control);
	return runtime_path(conf, name, "sock");
}

int
daemon_pidfile(const struct daemon_conf *conf, const char *name)
{
	char *path;

	process_block_signals();
	if (conf->pidfile[0] == '\0' && !conf->daemon)
		return 0;
	path = conf->pidfile[0] != '\0' ? configured_path(conf, conf->pidfile)
					: runtime_path(conf, name, "pid");
	if (path == NULL) {
		log_errno(LOG_ERROR, "no place for the pidfile", NULL);
		return -1;
	}
	return pidfile_open(path);
}

void
daemon_restore_pidfile(const struct daemon_conf *conf)
{
	const char *path = pidfile_missing();

	if (path == NULL || daemon_prepare_for(conf, path) < 0)
		return; /* the latter is logged */
	pidfile_restore();
}

/* ---- takeover and end ---- */

void
daemon_take_over(void)
{
	pid_t parent;

	sd_notify_open();
	if (takeover_parent(&parent) >= 0)
		sd_notify_keep_main();
	pidfile_take_over();
}

static void
forget_parent(void)
{
	if (self.parent >= 0)
		(void)close(self.parent);
	if (self.null >= 0)
		(void)close(self.null);
	self.parent = self.null = -1;
}

void
daemon_after_fork(void)
{
	takeover_close();
	reaper_after_fork();
	log_also_to(-1);
	log_to_stderr_too(false);
	sd_notify_after_fork();
	if (self.parent >= 0)
		let_go_of_stdio();
	forget_parent();
	pidfile_forget();
}

void
daemon_end(void)
{
	pidfile_end();
	forget_parent();
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

int
daemon_fit_files(struct daemon_conf *d, bool forwards, const char *program, FILE *err)
{
	const struct fd_limit_need need = {.workers = daemon_slots(d),
					   .connections = d->worker_connections,
					   .forwards = forwards,
					   .others = d->other_files,
					   .of_master = d->master_files,
					   .most = d->isolation.max_files};
	char text[FD_LIMIT_TEXT];
	int rc = fd_limit_plan(&need, &d->files);

	if (rc < 0 && d->files.granted == 0)
		(void)fprintf(err, "%s: worker_connections: %s\n", program,
			      fd_limit_text(&d->files, text));
	else if (rc < 0)
		(void)fprintf(err, "%s: %s: %s\n", program, d->master_files_key,
			      fd_limit_master_text(&d->files, text));
	d->worker_connections = d->files.granted;
	return rc;
}

const char *
daemon_files_text(const struct daemon_conf *d, char text[FD_LIMIT_TEXT])
{
	return d->files.granted < d->files.asked ? fd_limit_text(&d->files, text) : NULL;
}
