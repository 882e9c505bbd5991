/* registrar_set.c - see registrar_set.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "registrar_set_internal.h"

/* ---- entries ---- */

static void
entry_free(struct registrar_entry *e)
{
	registrar_free(e->registrar);
	free(e);
}

static bool
is_taken(const struct addr *at, void *ctx)
{
	const struct registrar_entry *own = ctx;

	for (const struct registrar_entry *e = own->set->first; e != NULL; e = e->next)
		if (e != own && e->joins && registrar_is_at(e->registrar, at))
			return true;
	return false;
}

/* It stands in the registrar's callback. */
static void
on_proxies(struct span told, void *ctx)
{
	struct registrar_entry *e = ctx;

	e->near = registrar_is_near(e->registrar);
	if (span_eq_str(told, e->told))
		return;
	if (told.n > 0)
		memcpy(e->told, told.p, told.n);
	e->told[told.n] = '\0';
	event_active(e->set->sweep, EV_TIMEOUT, 0);
}

static void
fill(struct registrar_entry *e, struct registrar_conf *conf, struct packet_announcement *a)
{
	e->set->ops->fill(e->proxy, conf, a, e->set->ctx);
	conf->proxy = e->proxy;
	conf->is_taken = is_taken;
	conf->on_proxies = on_proxies;
	conf->ctx = e;
	conf->afar = e->afar;
}

/* NULL with errno. */
static struct registrar_entry *
entry_new(struct registrar_set *s, const char *proxy, bool afar)
{
	struct registrar_entry *e = calloc(1, sizeof *e);
	struct registrar_conf conf;
	struct packet_announcement a;
	int error;

	if (e == NULL)
		return NULL;
	e->set = s;
	e->afar = afar;
	(void)snprintf(e->proxy, sizeof e->proxy, "%s", proxy);
	fill(e, &conf, &a);
	e->registrar = registrar_new(s->base, &conf, &a);
	if (e->registrar != NULL)
		return e;
	error = errno;
	free(e);
	errno = error;
	return NULL;
}

static void leave_settled(struct registrar_set *);

static void
on_left(void *arg)
{
	struct registrar_entry *e = arg;

	e->left = true;
	if (!e->joins)
		event_active(e->set->sweep, EV_TIMEOUT, 0);
	leave_settled(e->set);
}

/* ---- which there are ---- */

/* Is it joined as it is now said to be, over TLS or plain? */
static bool
fits(struct registrar_entry *e)
{
	struct registrar_conf conf;
	struct packet_announcement a;

	fill(e, &conf, &a);
	return registrar_is_of(e->registrar, &conf);
}

static void
unlink_entry(struct registrar_set *s, const struct registrar_entry *e)
{
	struct registrar_entry **at = &s->first;

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
}

struct registrar_entry *
registrar_set_find(const struct registrar_set *s, const char *proxy)
{
	for (struct registrar_entry *e = s->first; e != NULL; e = e->next)
		if (e->joins && conf_check_same_peer(e->proxy, proxy) && fits(e))
			return e;
	return NULL;
}

static void
leave_others(struct registrar_set *s, bool tell)
{
	for (struct registrar_entry *e = s->first; e != NULL; e = e->next) {
		if (e->kept || !e->joins)
			continue;
		e->joins = e->waits = false;
		if (tell)
			log_event(LOG_INFO, "no proxy tells of this one any more: it is left",
				  "proxy=%s", log_quoted(e->proxy));
		registrar_leave(e->registrar, on_left, e);
	}
}

struct registrar_entry *
registrar_set_add(struct registrar_set *s, const char *proxy, bool afar)
{
	struct registrar_entry **at = &s->first, *e = entry_new(s, proxy, afar);

	while (*at != NULL)
		at = &(*at)->next;
	*at = e;
	return e;
}

/* ---- what all have been told ---- */

static bool
has_joined(const struct registrar_entry *e)
{
	uint64_t since;

	return e->joins && strcmp(registrar_state(e->registrar, &since), "joined") == 0;
}

static void
settle(struct registrar_set *s)
{
	bool waits = false, joined = false;
	void (*done)(void *) = s->done;

	for (const struct registrar_entry *e = s->first; e != NULL; e = e->next) {
		waits = waits || e->waits;
		joined = joined || has_joined(e);
	}
	if (done == NULL || (waits && !(joined && s->impatient)))
		return;
	s->done = NULL;
	(void)event_del(s->patience);
	done(s->done_ctx);
}

static void
on_told(void *arg)
{
	struct registrar_entry *e = arg;

	e->waits = false;
	settle(e->set);
}

void
registrar_set_begin(struct registrar_entry *e)
{
	struct registrar_conf conf;
	struct packet_announcement a;

	fill(e, &conf, &a);
	registrar_announce(e->registrar, &conf, &a, on_told, e);
}

/* ---- what proxies tell ---- */

/* Entries stand in their own callbacks where they have left, or are told something. */
static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct registrar_set *s = arg;
	struct registrar_entry **at = &s->first, *e;

	(void)fd;
	(void)what;
	while ((e = *at) != NULL) {
		if (e->joins || !e->left) {
			at = &e->next;
			continue;
		}
		*at = e->next;
		entry_free(e);
	}
	if (s->ends)
		return;
	for (e = s->first; e != NULL; e = e->next)
		e->kept = e->listed;
	registrar_learn(s);
	leave_others(s, true);
	settle(s);
}

void
registrar_set_learn(struct registrar_set *s, bool learns)
{
	s->learns = learns;
}

/* ---- the list ---- */

int
registrar_set_list(struct registrar_set *s, const struct conf_list *list)
{
	struct registrar_entry **at = &s->first;
	int r = 0;

	for (struct registrar_entry *e = s->first; e != NULL; e = e->next)
		e->kept = e->listed = false;
	for (size_t i = 0; i < list->n; i++) {
		struct registrar_entry *e = registrar_set_find(s, list->item[i]);

		if (e != NULL) {
			unlink_entry(s, e);
		} else if ((e = entry_new(s, list->item[i], false)) == NULL) {
			log_errno(LOG_ERROR, "cannot set up the registration", "proxy=%s",
				  log_quoted(list->item[i]));
			r = -1;
			continue;
		}
		e->kept = e->joins = e->listed = true;
		e->afar = false;
		e->next = *at;
		*at = e;
		at = &e->next;
	}
	registrar_learn(s);
	leave_others(s, false);
	return r;
}

/* ---- all are told ---- */

static void
on_patience(evutil_socket_t fd, short what, void *arg)
{
	struct registrar_set *s = arg;

	(void)fd;
	(void)what;
	s->impatient = true;
	settle(s);
}

void
registrar_set_announce(struct registrar_set *s, const struct conf_list *list, uint64_t patience,
		       void (*done)(void *ctx), void *ctx)
{
	struct timeval tv = clock_timeval(patience);

	s->done = NULL;
	s->begun = true;
	(void)registrar_set_list(s, list);
	for (struct registrar_entry *e = s->first; e != NULL; e = e->next)
		e->waits = e->joins;
	for (struct registrar_entry *e = s->first; e != NULL; e = e->next)
		if (e->joins)
			registrar_set_begin(e);
	s->done = done;
	s->done_ctx = ctx;
	s->impatient = event_add(s->patience, &tv) < 0;
	settle(s);
}

/* ---- the end ---- */

static void
leave_settled(struct registrar_set *s)
{
	void (*left)(void *) = s->all_left;

	for (const struct registrar_entry *e = s->first; e != NULL; e = e->next)
		if (!e->left)
			return;
	s->all_left = NULL;
	if (left != NULL)
		left(s->left_ctx);
}

void
registrar_set_leave(struct registrar_set *s, void (*done)(void *ctx), void *ctx)
{
	s->ends = true;
	for (struct registrar_entry *e = s->first; e != NULL; e = e->next)
		if (e->joins)
			registrar_leave(e->registrar, on_left, e);
	s->all_left = done;
	s->left_ctx = ctx;
	leave_settled(s);
}

/* ---- the set itself ---- */

struct registrar_set *
registrar_set_new(struct event_base *base, const struct registrar_set_ops *ops, void *ctx)
{
	struct registrar_set *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	*s = (struct registrar_set){.base = base, .ops = ops, .ctx = ctx};
	s->sweep = event_new(base, -1, 0, on_sweep, s);
	s->patience = event_new(base, -1, 0, on_patience, s);
	if (s->sweep != NULL && s->patience != NULL)
		return s;
	registrar_set_free(s);
	errno = ENOMEM;
	return NULL;
}

void
registrar_set_free(struct registrar_set *s)
{
	if (s == NULL)
		return;
	for (struct registrar_entry *e; (e = s->first) != NULL;) {
		s->first = e->next;
		entry_free(e);
	}
	if (s->sweep != NULL)
		event_free(s->sweep);
	if (s->patience != NULL)
		event_free(s->patience);
	free(s);
}

/* ---- for operators ---- */

static struct registrar_view
view(const struct registrar_entry *e)
{
	struct registrar_view v = {.proxy = e->proxy};

	v.state = registrar_state(e->registrar, &v.since);
	v.trouble = registrar_trouble(e->registrar);
	v.learned = !e->listed;
	return v;
}

unsigned
registrar_set_count(const struct registrar_set *s)
{
	unsigned n = 0;

	for (const struct registrar_entry *e = s->first; e != NULL; e = e->next)
		n += e->joins;
	return n;
}

struct registrar_view
registrar_set_at(const struct registrar_set *s, unsigned i)
{
	for (const struct registrar_entry *e = s->first; e != NULL; e = e->next)
		if (e->joins && i-- == 0)
			return view(e);
	return (struct registrar_view){.proxy = "", .trouble = ""};
}

/* How far it has come. */
static unsigned
rank(const char *state)
{
	static const char *const ranks[] = {"left",	  "leaving",   "pausing",     "resolving",
					    "connecting", "announced", "unconfirmed", "joined"};
	unsigned i = sizeof ranks / sizeof *ranks;

	while (i > 0 && strcmp(ranks[i - 1], state) != 0)
		i--;
	return i;
}

struct registrar_view
registrar_set_view(const struct registrar_set *s, char *space, size_t size)
{
	struct registrar_view all = {.proxy = "", .trouble = ""};
	unsigned n = registrar_set_count(s);

	for (unsigned i = 0; i < n; i++) {
		struct registrar_view v = registrar_set_at(s, i);

		if (all.state == NULL || rank(v.state) > rank(all.state)) {
			all.proxy = v.proxy;
			all.state = v.state;
			all.since = v.since;
		}
		if (v.trouble[0] == '\0' || all.trouble[0] != '\0')
			continue;
		(void)snprintf(space, size, "%s%s%s", n > 1 ? v.proxy : "", n > 1 ? ": " : "",
			       v.trouble);
		all.trouble = space;
	}
	return all;
}
