/* refit.c - see refit.h. */
#include "refit.h"

#include <string.h>

#include "launch.h"
#include "log.h"
#include "master.h"
#include "net.h"

static int
check(void *arg, FILE *err)
{
	struct refit *f = arg;

	return server_settings_check(&f->settings, &f->venue.asked, err);
}

/* What is in force and what is aside change places. */
static void
exchange(struct master *m)
{
	struct refit *f = &m->refit;

	server_settings_swap(&m->settings, &f->settings);
	venue_swap(&m->venue, &f->venue);
	master_set_serve(m);
}

static void
drop(struct master *m)
{
	struct refit *f = &m->refit;

	venue_close(&f->venue, &m->venue);
	server_settings_forget_keys(&f->settings);
	server_settings_forget_tls(&f->settings);
	conf_free(f->settings.table, 2);
	f->on = false;
}

static int
open_fresh(struct master *m, FILE *err)
{
	struct refit *f = &m->refit;
	const struct daemon_conf *d = &f->settings.daemon;

	return venue_open(&f->venue, &m->venue, d, err) < 0
		       ? -1
		       : launch_log_anew(d, MASTER_PROGRAM, err);
}

static int
take(void *arg, FILE *notes, FILE *err)
{
	struct master *m = arg;
	struct refit *f = &m->refit;

	*f = (struct refit){.venue.fd = -1};
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
	launch_log_before(&m->settings.daemon, MASTER_PROGRAM);
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
	bool same_place = venue_is_same(&m->refit.venue, &m->venue);

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
	if (!m->refit.on)
		return;
	venue_close(&m->refit.venue, &m->venue);
	server_settings_forget_keys(&m->refit.settings);
}

const struct reload_ops refit_ops = {.take = take, .conf = conf, .keep = keep, .undo = undo};
