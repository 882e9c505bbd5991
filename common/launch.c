/* launch.c - see launch.h. */
#include "launch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "handover.h"
#include "inherit.h"
#include "log.h"
#include "net.h"

enum { OPERATORS_BACKLOG = 64 };
enum { LISTEN_TRIES = 5, LISTEN_PAUSE_MS = 200 };
enum { START_MS = 10000, PAUSE_MIN_MS = 50, PAUSE_MAX_MS = 5000 }; /* of workers */

int
launch_settings(const char *program, const struct conf_table *tables, size_t n, int argc,
		char *const argv[], int (*check)(void *ctx, FILE *err), void *ctx,
		struct command *remembered)
{
	struct conf_command command;

	if (handover_open() < 0 || conf_load(tables, n, argc, argv, NULL, &command, stderr) < 0)
		return 2;
	if (command.help) {
		(void)printf("usage: %s [option ...]\n\n", program);
		conf_help(tables, n, stdout);
		return 0;
	}
	if (command.version) {
		(void)printf("%s %s\n", program, POLICYPOOL_VERSION);
		return 0;
	}
	if (command.rest < argc) {
		(void)fprintf(stderr, "%s: %s: no argument is expected here\n", program,
			      argv[command.rest]);
		return 2;
	}
	if (command.show)
		conf_show(tables, n, stdout);
	if (check(ctx, stderr) < 0)
		return 2;
	if (command.show || command.check)
		return 0;
	handover_settings_read();
	if (command_remember(remembered, argc, argv, &command) == 0)
		return LAUNCH_GO_ON;
	(void)fprintf(stderr, "%s: %s\n", program, strerror(errno));
	return 1;
}

static void
note_fixed(const char *name, void *notes)
{
	(void)fprintf(notes, "%s takes effect at an upgrade or a restart\n", name);
}

int
launch_reread(const struct command *command, const struct conf_table *fresh,
	      const struct conf_table *before, size_t n, int (*check)(void *ctx, FILE *err),
	      void *ctx, FILE *notes, FILE *err)
{
	struct conf_command parsed;

	if (conf_load(fresh, n, command->argc, command->argv, NULL, &parsed, err) < 0)
		return -1;
	if (conf_keep_fixed(fresh, before, n, note_fixed, notes) < 0) {
		(void)fprintf(err, "out of memory\n");
		return -1;
	}
	return check(ctx, err);
}

int
launch_detach(const struct daemon_conf *d, const char *program)
{
	inherit_open();
	if (daemon_detach(d) < 0) {
		log_errno(LOG_ERROR, "cannot detach", NULL);
		return -1;
	}
	return daemon_log(d, program);
}

/* A predecessor that was killed may have the port for a moment more: its workers are about to end.
 */
static int
listen_patiently(const struct addr *addr, int backlog)
{
	const struct timespec pause = {.tv_nsec = LISTEN_PAUSE_MS * 1000000};
	char text[ADDR_TEXT];
	int fd = net_listen(addr, backlog);

	for (int i = 1; fd < 0 && errno == EADDRINUSE && i < LISTEN_TRIES; i++) {
		if (i == 1)
			log_errno(LOG_WARN, "waiting for the address", "address=%s",
				  addr_text(addr, text));
		(void)nanosleep(&pause, NULL);
		fd = net_listen(addr, backlog);
	}
	return fd;
}

int
launch_listen(const struct daemon_conf *d, struct addr *addr)
{
	char text[ADDR_TEXT];
	int fd = handover_listener(addr);

	if (fd >= 0 && listen(fd, (int)d->backlog) < 0) /* the backlog may be another */
		log_errno(LOG_WARN, "the backlog stays", NULL);
	if (fd < 0)
		fd = inherit_listener(addr);
	if (fd < 0)
		fd = listen_patiently(addr, (int)d->backlog);
	if (fd < 0 || net_local(fd, addr) < 0)
		log_errno(LOG_ERROR, "cannot listen", "address=%s", addr_text(addr, text));
	return fd;
}

int
launch_listen_anew(const struct daemon_conf *d, const struct addr *asked_before, int fd,
		   struct addr *addr, FILE *err)
{
	struct addr asked = *addr;
	char text[ADDR_TEXT];

	if (!addr_eq(addr, asked_before))
		fd = net_listen(addr, (int)d->backlog);
	else if (listen(fd, (int)d->backlog) < 0) /* the backlog may be another */
		fd = -1;
	if (fd >= 0 && net_local(fd, addr) == 0)
		return fd;
	(void)fprintf(err, "cannot listen on %s: %s\n", addr_text(&asked, text), strerror(errno));
	return -1;
}

static struct control *
open_control(const struct daemon_conf *d, struct event_base *base, const char *path,
	     const struct control_verb *verbs, void *ctx)
{
	int fd = handover_take(HANDOVER_CONTROL, path);
	struct control *k;

	if (fd < 0)
		return control_new(base, path, (mode_t)d->control_mode, verbs, ctx);
	k = control_adopt(base, fd, path, verbs, ctx);
	if (k == NULL)
		(void)close(fd);
	return k;
}

int
launch_log_anew(const struct daemon_conf *conf, const char *program, FILE *err)
{
	if (daemon_log_anew(conf, program) == 0)
		return 0;
	(void)fprintf(err, "log: %s: %s\n", conf->log, strerror(errno));
	return -1;
}

void
launch_log_before(const struct daemon_conf *conf, const char *program)
{
	if (daemon_log_anew(conf, program) < 0)
		log_errno(LOG_ERROR, "cannot open the log of before", NULL);
}

int
launch_control(const struct daemon_conf *d, struct event_base *base, const char *name,
	       const struct control_verb *verbs, void *ctx, struct control **out)
{
	bool asked_for = d->control[0] != '\0';
	char *path = daemon_control_path(d, name);

	*out = NULL;
	if (path == NULL) {
		if (strcmp(d->control, "none") != 0)
			log_errno(LOG_WARN, "no control socket: the runtime folder cannot be used",
				  NULL);
		return 0;
	}
	*out = open_control(d, base, path, verbs, ctx);
	if (*out == NULL)
		log_errno(asked_for ? LOG_ERROR : LOG_WARN, "no control socket", "path=%s",
			  log_quoted(path));
	free(path);
	return *out == NULL && asked_for ? -1 : 0;
}

/* The listening socket of the pages, *at where it does; -1 with the reason logged. */
static int
listen_for_operators(const struct daemon_conf *d, struct addr *at)
{
	char host[ADDR_HOST], text[ADDR_TEXT];
	const char *why = "";
	uint16_t port;
	int fd;

	if (addr_split(d->admin, host, &port, &why) < 0 ||
	    addr_resolve(at, host[0] != '\0' ? host : "127.0.0.1", port, &why) < 0) {
		log_event(LOG_ERROR, "cannot listen for operators", "admin=%s why=%s",
			  log_quoted(d->admin), log_quoted(why));
		return -1;
	}
	fd = handover_listener(at);
	if (fd < 0)
		fd = inherit_listener(at);
	if (fd < 0)
		fd = net_listen(at, OPERATORS_BACKLOG);
	if (fd >= 0 && net_local(fd, at) == 0)
		return fd;
	log_errno(LOG_ERROR, "cannot listen for operators", "admin=%s", addr_text(at, text));
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

int
launch_admin(const struct daemon_conf *d, struct event_base *base, const struct admin_page *pages,
	     void *ctx, struct admin **out)
{
	char text[ADDR_TEXT];
	struct addr at;
	int fd = -1;

	*out = NULL;
	if (d->admin[0] != '\0')
		fd = listen_for_operators(d, &at);
	inherit_end();
	if (d->admin[0] == '\0' || fd < 0)
		return d->admin[0] == '\0' ? 0 : -1;
	*out = admin_new(base, fd, pages, ctx);
	if (*out == NULL) {
		log_errno(LOG_ERROR, "cannot answer operators over HTTP", NULL);
		(void)close(fd);
		return -1;
	}
	log_event(LOG_INFO, "pages for operators", "admin=%s", addr_text(&at, text));
	return 0;
}

void
launch_supervisor_conf(const struct daemon_conf *d, uint64_t leave_ms, struct supervisor_conf *conf)
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
					 .sandbox = (enum sandbox_mode)d->isolation.seccomp,
					 .scheduling = (enum scheduling_mode)d->scheduling,
					 .busy_poll = d->busy_poll};
}

struct supervisor *
launch_supervisor(const struct daemon_conf *d, struct event_base *base, uint64_t leave_ms,
		  const struct supervisor_ops *ops, void *ctx)
{
	struct supervisor_conf conf;
	struct supervisor *s;

	launch_supervisor_conf(d, leave_ms, &conf);
	if (conf.sandbox != SANDBOX_NO && sandbox_why_not() != NULL)
		log_event(LOG_INFO, "system calls of workers are not filtered", "why=%s",
			  log_quoted(sandbox_why_not()));
	s = supervisor_new(base, &conf, ops, ctx);
	if (s == NULL)
		log_errno(LOG_ERROR, "cannot set up the workers", NULL);
	return s;
}

int
launch_upgrade(const struct upgrade_env *env, const struct upgrade_ops *testator,
	       const struct handover_ops *heir, void *ctx, struct control *control,
	       struct upgrade **out)
{
	*out = upgrade_new(env, testator, ctx);
	if (*out == NULL || handover_begin(env->base, heir, ctx) < 0) {
		log_errno(LOG_ERROR, "cannot prepare for upgrades", NULL);
		return -1;
	}
	if (control != NULL)
		control_add(control, upgrade_verbs, *out);
	return 0;
}

void
launch_give(struct upgrade *u, const struct control *control, const struct admin *admin)
{
	const char *pidfile;
	int lock = daemon_pidfile_held(&pidfile);

	if (control != NULL)
		upgrade_give(u, HANDOVER_CONTROL, control_fd(control), control_path(control),
			     false);
	if (lock >= 0)
		upgrade_give(u, HANDOVER_PIDFILE, lock, pidfile, false);
	if (admin != NULL)
		upgrade_give(u, HANDOVER_LISTEN, admin_fd(admin), "admin", false);
}

void
launch_given(const struct upgrade *u, struct control *control, struct admin **admin)
{
	if (control != NULL && upgrade_took(u, HANDOVER_CONTROL))
		control_hand_over(control);
	if (upgrade_took(u, HANDOVER_PIDFILE))
		daemon_hand_over();
	admin_free(*admin);
	*admin = NULL;
}
