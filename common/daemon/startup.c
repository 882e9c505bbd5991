/* startup.c - see startup.h. */
#include "startup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "conf_asked.h"
#include "listen_check.h"
#include "log.h"
#include "pidfile.h"
#include "process_init.h"
#include "socket_activation.h"
#include "takeover.h"
#include "tls_tickets.h"

enum { START_MS = 10000, PAUSE_MIN_MS = 50, PAUSE_MAX_MS = 5000 }; /* of workers */

/* What keeps workers from writing the core files that are asked for, see core(5); NULL: nothing. */
static const char *
why_no_core(const struct daemon_conf *d)
{
	char pattern = '/';
	struct rlimit l;
	int fd = d->isolation.core == 0
			 ? -1
			 : open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	if (read(fd, &pattern, 1) != 1)
		pattern = '/';
	(void)close(fd);
	if (pattern == '|') /* a program, for which there is no limit */
		return NULL;
	if (getrlimit(RLIMIT_CORE, &l) == 0 && l.rlim_max == 0)
		return "yields nothing: the hard limit of core files is 0 (ulimit -Hc, LimitCORE=)";
	if (pattern != '/' && d->daemon)
		return "yields nothing: kernel.core_pattern is relative, and a detached daemon's "
		       "working folder is /";
	return NULL;
}

/* What the limits of this process have lowered. */
static void
note_limits(const struct daemon_conf *d, FILE *out)
{
	char text[FD_LIMIT_TEXT];
	const char *lowered = daemon_files_text(d, text), *core = why_no_core(d);

	if (lowered != NULL)
		(void)fprintf(out, "worker_connections: %s\n", lowered);
	if (fd_limit_master_text(&d->files, text) != NULL)
		(void)fprintf(out, "%s: %s\n", d->master_files_key, text);
	if (core != NULL)
		(void)fprintf(out, "worker_core: %s\n", core);
}

void
startup_report_files(const struct daemon_conf *d)
{
	char text[FD_LIMIT_TEXT];
	const char *lowered = daemon_files_text(d, text);

	/* Only a number that was asked for is worth a warning. */
	if (lowered != NULL)
		log_event(d->files.asked == DAEMON_CONNECTIONS ? LOG_INFO : LOG_WARN,
			  "fewer connections than worker_connections", "why=%s",
			  log_quoted(lowered));
	if (fd_limit_master_text(&d->files, text) != NULL)
		log_event(LOG_WARN, "a reload lacks descriptors", "key=%s why=%s",
			  d->master_files_key, log_quoted(text));
}

/* What libevent complains of, before it ends the process or goes on; to stderr it would wait for
 * its reader. */
static void
on_libevent(int severity, const char *what)
{
	if (severity >= EVENT_LOG_WARN)
		log_limited(severity == EVENT_LOG_ERR ? LOG_ERROR : LOG_WARN, "libevent complains",
			    "what=%s", log_quoted(what));
}

static void
help(const struct startup_usage *usage, const struct settings *s, bool all)
{
	(void)printf("usage: %s [option ...]\n   as: %s\n\n", usage->program, usage->example);
	conf_help(s->table, s->tables, all ? NULL : usage->usual, stdout);
	if (usage->more != NULL)
		(void)fputs(usage->more, stdout);
	if (usage->file != NULL)
		(void)printf("\nWithout -c and an address to listen at, %s is read.\n",
			     usage->file);
	if (!all)
		(void)printf("\n%s --help-all lists all %zu; policypool.conf(5) tells of each.\n",
			     usage->program,
			     conf_options(s->table, s->tables) + (usage->more != NULL));
}

static void
tell_fine(const char *program, const struct conf_command *c)
{
	if (c->loaded != NULL)
		(void)printf("%s: configuration %s is ok\n", program, c->loaded);
	else
		(void)printf("%s: configuration is ok; no file is read\n", program);
}

/* One with an option that takes no further word: --server-verify no. */
static const char *
after_bool(const char *argument)
{
	if (strcmp(argument, "yes") != 0 && strcmp(argument, "no") != 0)
		return "";
	return "; yes or no follows a = (--key=no), and --no-key says no";
}

/* A command that says where to listen says all: it means the same on every machine. */
static const char *
usual_file(const struct startup_usage *usage, const struct settings *s, int argc,
	   char *const argv[])
{
	return conf_asked(s->table, s->tables, argc, argv, "listen") ? NULL : usage->file;
}

static int
load(const struct startup_usage *usage, const struct settings *s, int argc, char *const argv[],
     struct conf_command *command)
{
	if (takeover_is_on()) /* its predecessor named the file that it had read */
		return conf_load_again(s->table, s->tables, argc, argv, command, stderr);
	return conf_load(s->table, s->tables, argc, argv, usual_file(usage, s, argc, argv), command,
			 stderr);
}

/* Before the settings are read, which may make a secret.  One that is of no use is no reason not to
 * start: clients then shake hands in full. */
static void
take_tickets(void)
{
	int fd = takeover_take(TAKEOVER_TICKETS, NULL);

	if (fd < 0)
		return;
	if (tls_tickets_take(fd) < 0)
		log_errno(LOG_WARN, "the secret of session tickets is not taken over", NULL);
	(void)close(fd);
}

int
startup_settings(const struct startup_usage *usage, struct settings *s, struct listen_socket *asked,
		 int argc, char *const argv[], struct cmdline *remembered)
{
	const char *program = usage->program;
	struct conf_command command;

	if (takeover_open() < 0)
		return 2;
	take_tickets();
	if (load(usage, s, argc, argv, &command) < 0)
		return 2;
	if (command.help || command.help_all) {
		help(usage, s, command.help_all);
		return 0;
	}
	if (command.version) {
		(void)printf("%s %s\n", program, POLICYPOOL_VERSION);
		return 0;
	}
	if (command.rest < argc) {
		(void)fprintf(stderr, "%s: %s: no argument is expected here%s\n", program,
			      argv[command.rest], after_bool(argv[command.rest]));
		return 2;
	}
	if (command.show)
		conf_show(s->table, s->tables, stdout);
	if (s->kind->check(s, asked, stderr) < 0)
		return 2;
	if (command.check && (daemon_check_runtime(&s->daemon, program, stderr) < 0 ||
			      listen_check(&s->daemon, asked, program, stderr) < 0))
		return 2;
	if (command.check)
		note_limits(&s->daemon, stderr);
	if (command.check && !command.show)
		tell_fine(program, &command);
	if (command.show || command.check)
		return 0;
	takeover_settings_read();
	event_set_log_callback(on_libevent);
	if (cmdline_remember(remembered, argc, argv, &command) == 0)
		return STARTUP_GO_ON;
	(void)fprintf(stderr, "%s: %s\n", program, strerror(errno));
	return 1;
}

static void
note_fixed(const char *name, void *notes)
{
	(void)fprintf(notes, "%s takes effect at an upgrade or a restart\n", name);
}

/* The new workers would not be ready, and that would be found out late. */
static bool
has_descriptors(const struct daemon_conf *d, FILE *err)
{
	char text[FD_LIMIT_TEXT];

	if (fd_limit_master_text(&d->files, text) == NULL)
		return true;
	(void)fprintf(err, "%s: %s\n", d->master_files_key, text);
	return false;
}

/* What was found for a name before is not asked for again: the loop would wait for it. */
static int
check_again(struct settings *s, const struct settings *before, struct listen_socket *asked,
	    FILE *err)
{
	int rc;

	s->names.former = &before->names;
	rc = s->kind->check(s, asked, err);
	s->names.former = NULL;
	return rc;
}

struct settings *
startup_reread(const struct cmdline *c, const struct settings *before, struct listen_socket *asked,
	       FILE *notes, FILE *err)
{
	struct settings *s = settings_new(before->kind);
	struct conf_command parsed;

	if (s == NULL) {
		(void)fprintf(err, "out of memory\n");
	} else if (conf_load_again(s->table, s->tables, c->argc, c->argv, &parsed, err) == 0) {
		if (conf_keep_fixed(s->table, before->table, s->tables, note_fixed, notes) < 0) {
			(void)fprintf(err, "out of memory\n");
		} else if (check_again(s, before, asked, err) == 0 &&
			   has_descriptors(&s->daemon, err)) {
			note_limits(&s->daemon, notes);
			return s;
		}
	}
	settings_release(s);
	return NULL;
}

/* It has said why, and would end the process: nothing of ours stays behind. */
static void
on_libevent_fatal(int error)
{
	(void)error;
	daemon_end();
	_exit(1);
}

int
startup_detach(const struct daemon_conf *d, const char *program)
{
	const char *core;

	event_set_fatal_callback(on_libevent_fatal);
	socket_activation_open();
	if (daemon_detach(d) < 0) {
		log_errno(LOG_ERROR, "cannot detach", NULL);
		return -1;
	}
	if (daemon_log(d, program) < 0)
		return -1;
	process_init_report();
	core = why_no_core(d);
	if (core != NULL)
		log_event(LOG_WARN, "no core files of workers", "why=%s", log_quoted(core));
	return 0;
}

static struct control *
open_control(const struct daemon_conf *d, struct event_base *base, const char *path,
	     const struct control_verb *verbs, void *ctx)
{
	int fd = takeover_take(TAKEOVER_CONTROL, path);
	struct control *k;

	if (fd < 0)
		return control_new(base, path, (mode_t)d->control_mode, verbs, ctx);
	k = control_adopt(base, fd, path, verbs, ctx);
	if (k == NULL)
		(void)close(fd);
	return k;
}

int
startup_log_anew(const struct daemon_conf *conf, const char *program, FILE *err)
{
	if (daemon_log_anew(conf, program) == 0)
		return 0;
	(void)fprintf(err, "log: %s: %s\n", conf->log, strerror(errno));
	return -1;
}

void
startup_log_before(const struct daemon_conf *conf, const char *program)
{
	if (daemon_log_anew(conf, program) < 0)
		log_errno(LOG_ERROR, "cannot open the log of before", NULL);
}

/* Of a name that may stand for one daemon alone. */
static bool
is_taken(const char *path, bool unique)
{
	if (errno != EADDRINUSE || !unique)
		return false;
	log_event(LOG_ERROR,
		  "another daemon of this name is running: give this one a runtime_dir of its own",
		  "control=%s", log_quoted(path));
	return true;
}

int
startup_control(const struct daemon_conf *d, struct event_base *base, const char *name, bool unique,
		const struct control_verb *verbs, void *ctx, struct control **out)
{
	bool fatal = d->control[0] != '\0';
	char *path = daemon_control_path(d, name);

	*out = NULL;
	if (path == NULL && strcmp(d->control, "none") == 0)
		return 0;
	if (path == NULL) {
		log_errno(fatal ? LOG_ERROR : LOG_WARN,
			  "no control socket: the runtime folder cannot be used", NULL);
		return fatal ? -1 : 0;
	}
	*out = open_control(d, base, path, verbs, ctx);
	if (*out == NULL && is_taken(path, unique))
		fatal = true;
	else if (*out == NULL)
		log_errno(fatal ? LOG_ERROR : LOG_WARN, "no control socket", "path=%s",
			  log_quoted(path));
	free(path);
	return *out == NULL && fatal ? -1 : 0;
}

void
startup_restore(const struct daemon_conf *d, struct control *k)
{
	int done;

	daemon_restore_pidfile(d);
	if (k == NULL || daemon_prepare_for(d, control_path(k)) < 0)
		return;
	done = control_restore(k, (mode_t)d->control_mode);
	if (done > 0)
		log_event(LOG_WARN, "the control socket had been removed: put back", "control=%s",
			  log_quoted(control_path(k)));
	else if (done < 0)
		log_errno(LOG_ERROR, "the control socket was removed and cannot be put back",
			  "control=%s", log_quoted(control_path(k)));
}

void
startup_supervisor_conf(const struct daemon_conf *d, uint64_t leave_ms,
			struct supervisor_conf *conf)
{
	*conf = (struct supervisor_conf){.workers = daemon_workers(d),
					 .slots = daemon_slots(d),
					 .worker_timeout = d->worker_timeout,
					 .worker_max_requests = d->worker_max_requests,
					 .worker_max_memory = d->worker_max_memory,
					 .stop_timeout = d->stop_timeout,
					 .start_timeout = START_MS,
					 .leave_timeout = leave_ms,
					 .pause_min = PAUSE_MIN_MS,
					 .pause_max = PAUSE_MAX_MS,
					 .isolation = d->isolation.plan,
					 .scheduling = (enum sched_policy_mode)d->scheduling,
					 .busy_poll = d->busy_poll};
}

struct supervisor *
startup_supervisor(const struct supervisor_conf *conf, struct event_base *base,
		   const struct supervisor_ops *ops, void *ctx)
{
	struct supervisor *s;

	if (conf->isolation.level < ISOLATION_UNFILTERED && sandbox_why_not() != NULL)
		log_event(LOG_INFO, "system calls of workers are not filtered", "why=%s",
			  log_quoted(sandbox_why_not()));
	s = supervisor_new(base, conf, ops, ctx);
	if (s == NULL)
		log_errno(LOG_ERROR, "cannot set up the workers", NULL);
	return s;
}

void
startup_give(struct upgrade *u, const struct control *control, const struct http_admin *admin)
{
	const char *pidfile;
	int lock = pidfile_held(&pidfile);

	if (control != NULL)
		upgrade_give(u, TAKEOVER_CONTROL, control_fd(control), control_path(control),
			     false);
	if (lock >= 0)
		upgrade_give(u, TAKEOVER_PIDFILE, lock, pidfile, false);
	for (unsigned i = 0; admin != NULL && http_admin_fd(admin, i) >= 0; i++)
		upgrade_give(u, TAKEOVER_LISTEN, http_admin_fd(admin, i), "admin", false);
}

void
startup_given(const struct upgrade *u, struct control *control, struct http_admin **admin)
{
	if (control != NULL && upgrade_took(u, TAKEOVER_CONTROL))
		control_hand_over(control);
	if (upgrade_took(u, TAKEOVER_PIDFILE))
		pidfile_hand_over();
	http_admin_free(*admin);
	*admin = NULL;
}
