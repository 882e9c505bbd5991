/* refit.c - see refit.h. */
#include "refit.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "inbox.h"
#include "launch.h"
#include "log.h"
#include "master.h"
#include "net.h"

static int
check(void *arg, FILE *err)
{
	struct refit *f = arg;

	return proxy_settings_check(&f->settings, &f->venue.asked, err);
}

/* What is in force and what is aside change places.  0, or -1 on ENOMEM with nothing changed. */
static int
exchange(struct master *m)
{
	struct refit *f = &m->refit;
	int access_fd = m->front.access_fd;

	proxy_settings_swap(&m->settings, &f->settings);
	if (inbox_settings(m, &f->venue.addr) < 0) {
		proxy_settings_swap(&m->settings, &f->settings);
		return -1;
	}
	venue_swap(&m->venue, &f->venue);
	m->front.listen_fd = m->venue.fd;
	m->front.access_fd = f->access_fd;
	f->access_fd = access_fd;
	watch_settings(m->watch, &m->settings.proxy);
	return 0;
}

static void
drop(struct master *m)
{
	struct refit *f = &m->refit;

	venue_close(&f->venue, &m->venue);
	if (f->access_fd >= 0)
		(void)close(f->access_fd);
	proxy_settings_forget_keys(&f->settings);
	proxy_settings_forget_tls(&f->settings);
	conf_free(f->settings.table, 2);
	f->access_fd = -1;
	f->on = false;
}

static int
open_access(struct refit *f, FILE *err)
{
	const struct proxy_conf *c = &f->settings.proxy;

	f->access_fd = master_open_access(c);
	if (f->access_fd >= 0 || c->access_log == ACCESS_OFF || c->access_log_file[0] == '\0')
		return 0;
	(void)fprintf(err, "access_log_file: %s: %s\n", c->access_log_file, strerror(errno));
	return -1;
}

static int
open_fresh(struct master *m, FILE *err)
{
	struct refit *f = &m->refit;
	const struct daemon_conf *d = &f->settings.daemon;

	return venue_open(&f->venue, &m->venue, d, err) < 0 || open_access(f, err) < 0
		       ? -1
		       : launch_log_anew(d, MASTER_PROGRAM, err);
}

static int
take_fresh(struct master *m, FILE *notes, FILE *err)
{
	struct refit *f = &m->refit;

	if (launch_reread(&m->command, f->settings.table, m->settings.table, 2, check, f, notes,
			  err) < 0 ||
	    open_fresh(m, err) < 0)
		return -1;
	if (exchange(m) == 0)
		return 0;
	(void)fprintf(err, "out of memory\n");
	launch_log_before(&m->settings.daemon, MASTER_PROGRAM);
	return -1;
}

static int
take(void *arg, FILE *notes, FILE *err)
{
	struct master *m = arg;

	m->refit = (struct refit){.venue.fd = -1, .access_fd = -1};
	proxy_settings_init(&m->refit.settings);
	if (take_fresh(m, notes, err) < 0) {
		drop(m);
		return -1;
	}
	(void)net_raise_nofile(master_files(&m->settings.daemon));
	m->refit.on = true;
	return 0;
}

static void
conf(void *arg, struct supervisor_conf *out)
{
	struct master *m = arg;

	launch_supervisor_conf(&m->settings.daemon, MASTER_LEAVE_MS, out);
}

static void
undo(void *arg)
{
	struct master *m = arg;

	if (exchange(m) < 0)
		log_event(LOG_ERROR, "out of memory: the fresh settings stay for new workers",
			  NULL);
	launch_log_before(&m->settings.daemon, MASTER_PROGRAM);
	drop(m);
	events_add(m->events, EVENT_RELOADED, NULL, NULL,
		   "undone: no worker came up with the fresh settings");
}

static void
keep(void *arg)
{
	struct master *m = arg;
	bool same_place = venue_is_same(&m->refit.venue, &m->venue);

	events_add(m->events, EVENT_RELOADED, NULL, NULL, "fresh settings are in force");
	master_tell_serving(m);
	inbox_review(m);
	drop(m);
	reload_settled(m->reload, same_place);
}

void
refit_after_fork(struct master *m)
{
	if (!m->refit.on)
		return;
	venue_close(&m->refit.venue, &m->venue);
	if (m->refit.access_fd >= 0)
		(void)close(m->refit.access_fd);
	proxy_settings_forget_keys(&m->refit.settings);
}

const struct reload_ops refit_ops = {.take = take, .conf = conf, .keep = keep, .undo = undo};
