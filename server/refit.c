/* refit.c - see refit.h. */
#include "refit.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "launch.h"
#include "log.h"
#include "master.h"
#include "net.h"

static int
check(void *arg, FILE *err)
{
	struct refit *f = arg;

	return server_settings_check(&f->settings, &f->asked, err);
}

/* What is in force and what is aside change places. */
static void
exchange(struct master *m)
{
	struct refit *f = &m->refit;
	struct addr asked = f->asked, addr = f->addr;
	int fd = f->listen_fd;

	server_settings_swap(&m->settings, &f->settings);
	f->asked = m->asked;
	f->addr = m->addr;
	f->listen_fd = m->listen_fd;
	m->asked = asked;
	m->addr = addr;
	m->listen_fd = fd;
	master_set_serve(m);
}

static void
drop(struct master *m)
{
	struct refit *f = &m->refit;

	if (f->listen_fd >= 0 && f->listen_fd != m->listen_fd)
		(void)close(f->listen_fd);
	server_settings_forget_keys(&f->settings);
	server_settings_forget_tls(&f->settings);
	conf_free(f->settings.table, 2);
	f->listen_fd = -1;
	f->on = false;
}

static int
open_fresh(struct master *m, FILE *err)
{
	struct refit *f = &m->refit;
	const struct daemon_conf *d = &f->settings.daemon;

	f->addr = f->asked;
	f->listen_fd = launch_listen_anew(d, &m->asked, m->listen_fd, &f->addr, err);
	if (f->listen_fd < 0)
		return -1;
	if (daemon_log_anew(d, MASTER_PROGRAM) == 0)
		return 0;
	(void)fprintf(err, "log: %s: %s\n", d->log, strerror(errno));
	return -1;
}

static int
take(void *arg, FILE *notes, FILE *err)
{
	struct master *m = arg;
	struct refit *f = &m->refit;

	*f = (struct refit){.listen_fd = -1};
	server_settings_init(&f->settings);
	if (launch_reread(&m->command, f->settings.table, m->settings.table, 2, check, f, notes,
			  err) < 0 ||
	    open_fresh(m, err) < 0) {
		drop(m);
		return -1;
	}
	(void)net_raise_nofile((unsigned long)f->settings.daemon.worker_connections + 64);
	f->on = true;
	exchange(m);
	if (strcmp(f->settings.server.policy, m->settings.server.policy) != 0)
		m->serve.former_policy = f->settings.server.policy;
	return 0;
}

static void
conf(void *arg, struct supervisor_conf *out)
{
	struct master *m = arg;

	launch_supervisor_conf(&m->settings.daemon, m->settings.server.ack_timeout, out);
}

static void
undo(void *arg)
{
	struct master *m = arg;

	exchange(m);
	m->serve.former_policy = NULL;
	if (daemon_log_anew(&m->settings.daemon, MASTER_PROGRAM) < 0)
		log_errno(LOG_ERROR, "cannot open the log of before", NULL);
	drop(m);
}

static void
settled(void *arg)
{
	struct master *m = arg;

	reload_settled(m->reload, m->refit.same_place);
}

/* Workers of the former policy would refuse the new one's requests, so where both listen at one
 * place the former leave first; the new ones answer for both meanwhile. */
static void
keep(void *arg)
{
	struct master *m = arg;
	bool same_place = m->refit.listen_fd == m->listen_fd;

	m->refit.same_place = same_place;
	m->refit.announce_later = m->serve.former_policy != NULL && same_place;
	m->serve.former_policy = NULL;
	master_tell_serving(m);
	if (m->refit.announce_later)
		supervisor_retire(m->supervisor, true);
	else
		master_announce(m, settled);
	drop(m);
	refit_look(m);
}

void
refit_look(struct master *m)
{
	if (!m->refit.announce_later || supervisor_former(m->supervisor) > 0)
		return;
	m->refit.announce_later = false;
	master_announce(m, settled);
}

void
refit_after_fork(struct master *m)
{
	if (m->refit.on && m->refit.listen_fd != m->listen_fd)
		(void)close(m->refit.listen_fd);
	if (m->refit.on)
		server_settings_forget_keys(&m->refit.settings);
}

const struct reload_ops refit_ops = {.take = take, .conf = conf, .keep = keep, .undo = undo};
