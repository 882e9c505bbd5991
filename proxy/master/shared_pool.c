/* shared_pool.c - hearing, telling, and time; see shared_pool.h. */
#include "shared_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "printable.h"
#include "shared_pool_internal.h"

enum {
	TICK_MS = 200,
	QUIET_MS = 2000, /* what is said of a server that has just left here may be of before */
	KEY_SHOWN = 64,
	JUDGED = 32 /* rows that are judged anew in one tick */
};

static const struct registration *
rules(const struct shared_pool *sp)
{
	return sp->env.join(sp->env.ctx);
}

/* ---- telling ---- */

static void
on_keep(const struct store_record *rec, struct span value, void *arg)
{
	struct shared_pool *sp = arg;
	const struct shared_row *row = shared_rows_find(sp->rows, rec->a.id);
	char key[STORE_RECORD_KEY + 1];

	store_record_key(rec->a.id, key);
	sp->env.keep(span_str(key), value, shared_pool_disagrees(row, rec) ? row->mod_rev : 0,
		     sp->env.ctx);
}

static void
on_drop(const char *id, const char *gone, struct span value, void *arg)
{
	struct shared_pool *sp = arg;
	char key[STORE_RECORD_KEY + 1];
	struct shared_row *row;

	store_record_key(id, key);
	sp->env.drop(span_str(key), value, 0, sp->env.ctx);
	if (strcmp(gone, STORE_RECORD_LEFT) != 0)
		return;
	row = shared_rows_make(sp->rows, id);
	if (row != NULL)
		row->quiet = clock_ms() + QUIET_MS;
}

static const struct shared_publish_ops ops = {on_keep, on_drop};

void
shared_pool_changed(struct shared_pool *sp)
{
	if (sp != NULL && sp->on)
		shared_publish_look(sp->publish, rules(sp));
}

void
shared_pool_lease_ended(struct shared_pool *sp, unsigned index)
{
	if (sp != NULL)
		shared_publish_ended(sp->publish, index);
}

/* Many rows come at once, and are one change. */
static void
note(struct shared_pool *sp, bool changed)
{
	struct timeval now = {0, 0};

	if (!changed || sp->dirty)
		return;
	sp->dirty = true;
	if (event_add(sp->flush, &now) < 0)
		log_event(LOG_ERROR, "cannot tell of a change of the registry", NULL);
}

static void
on_flush(evutil_socket_t fd, short what, void *arg)
{
	struct shared_pool *sp = arg;

	(void)fd;
	(void)what;
	sp->dirty = false;
	sp->env.changed(sp->env.ctx);
}

/* ---- time ---- */

/* Is a server to be taken out that nobody tells of any more?  NULL, or why. */
static const char *
why_faded(const struct shared_pool *sp, unsigned i, uint64_t now)
{
	uint64_t since = registry_tenure_of(sp->env.registry, i)->fading;
	struct health_view v;

	if (since == 0)
		return NULL;
	/* Nobody can tell of anything now. */
	if (sp->on && !sp->synced)
		return NULL;
	health_monitor_snapshot(sp->env.watch, i, &v);
	if (v.failing || v.state == HEALTH_EJECTED || v.state == HEALTH_PROBING)
		return "no proxy tells of it any more, and it does not answer";
	return now >= since + sp->env.hold(sp->env.ctx) ? "no proxy has told of it for store_hold"
							: NULL;
}

/* Takes out what has faded; how many servers are known from others alone is left. */
static unsigned
fade(struct shared_pool *sp, uint64_t now)
{
	unsigned second = 0;

	for (unsigned i = 0; i < registry_server_end(sp->env.registry); i++) {
		if (!registry_server(sp->env.registry, i)->used ||
		    !registry_tenure_of(sp->env.registry, i)->second)
			continue;
		const char *why = why_faded(sp, i, now);
		second += why == NULL;
		if (why == NULL)
			continue;
		registration_fade(rules(sp), i, why);
		note(sp, true);
	}
	return second;
}

/* Rows that were not believed, or not looked at for a while, from where the last tick stopped. */
static void
judge_again(struct shared_pool *sp, uint64_t now)
{
	unsigned n = shared_rows_n(sp->rows), judged = 0;

	for (unsigned k = 0; k < n && judged < JUDGED && shared_rows_n(sp->rows) > 0; k++) {
		struct shared_row *row = shared_rows_at(sp->rows,
							sp->next++ % shared_rows_n(sp->rows));
		bool was_quiet = row->quiet > 0 && now >= row->quiet;
		if (was_quiet)
			row->quiet = 0;
		if (row->value == NULL && row->quiet == 0) {
			shared_rows_remove(sp->rows, row);
			continue;
		}
		/* A server of ours that stands there as gone is disputed, too. */
		if (row->value == NULL || (row->believed && !was_quiet && row->told == 0))
			continue;
		judged++;
		note(sp, shared_pool_judge(sp, row, now));
	}
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct shared_pool *sp = arg;
	uint64_t now = clock_ms();
	unsigned left;

	(void)fd;
	(void)what;
	if (sp->on)
		judge_again(sp, now);
	left = fade(sp, now);
	if (!sp->on && left == 0)
		(void)event_del(sp->tick);
}

static void
arm(struct shared_pool *sp)
{
	struct timeval tv = clock_timeval(TICK_MS);

	if (!event_pending(sp->tick, EV_TIMEOUT, NULL) && event_add(sp->tick, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm the clock of shared servers", NULL);
}

/* ---- hearing ---- */

/* Each server that is told of by others, or that only those that do not have a row any more: fades,
 * and is asked how it is. */
static void
untell(struct shared_pool *sp, unsigned i, uint64_t now)
{
	const struct registry_server *s = registry_server(sp->env.registry, i);

	if (shared_pool_forget(sp, s->id, now)) {
		note(sp, true);
		if (registry_known(sp->env.registry, i) == REGISTRY_FADING)
			(void)health_monitor_life(i, sp->env.watch);
	}
}

/* What no row tells of. */
static void
untell_all(struct shared_pool *sp, uint64_t now)
{
	for (unsigned i = 0; i < registry_server_end(sp->env.registry); i++) {
		const struct registry_server *s = registry_server(sp->env.registry, i);
		const struct shared_row *row = s->used ? shared_rows_find(sp->rows, s->id) : NULL;
		if (s->used && (row == NULL || row->value == NULL || !row->believed))
			untell(sp, i, now);
	}
}

/* A later version's, or nobody's of this program. */
static void
take_foreign(struct shared_pool *sp, struct span key)
{
	char text[STORE_STATE_TEXT];

	sp->foreign++;
	(void)snprintf(text, sizeof text, "%.*s: it is of a kind that is not known here",
		       key.n < KEY_SHOWN ? (int)key.n : KEY_SHOWN, key.p);
	(void)printable(text, sp->refused, sizeof sp->refused);
	log_limited(LOG_VERBOSE, "a row of the store is of a kind that is not known here", "key=%s",
		    log_quoted_n(key.p, key.n));
}

void
shared_pool_row(struct shared_pool *sp, struct span key, struct span value, uint64_t mod_rev)
{
	char id[PACKET_ID_MAX + 1];
	bool server = store_record_id(key, "servers/", id) == 0;
	struct shared_rows *rows = server ? sp->rows : sp->proxies;
	struct shared_row *row;

	if (!server && store_record_id(key, "proxies/", id) < 0) {
		take_foreign(sp, key);
		return;
	}
	row = shared_rows_make(rows, id);
	if (row == NULL || shared_rows_set(row, value, mod_rev) < 0) {
		sp->no_room++;
		log_limited(LOG_WARN, "no room for what the store tells", "id=%s", log_quoted(id));
		return;
	}
	if (server)
		note(sp, shared_pool_judge(sp, row, clock_ms()));
}

void
shared_pool_deleted(struct shared_pool *sp, struct span key)
{
	char id[PACKET_ID_MAX + 1];
	struct shared_row *row;
	int i;

	if (store_record_id(key, "proxies/", id) == 0) {
		row = shared_rows_find(sp->proxies, id);
		if (row != NULL)
			shared_rows_remove(sp->proxies, row);
		return;
	}
	row = store_record_id(key, "servers/", id) < 0 ? NULL : shared_rows_find(sp->rows, id);
	if (row == NULL)
		return;
	i = registry_find(sp->env.registry, id);
	if (i >= 0)
		untell(sp, (unsigned)i, clock_ms());
	shared_rows_remove(sp->rows, row);
}

void
shared_pool_synced(struct shared_pool *sp)
{
	shared_rows_sweep(sp->rows);
	shared_rows_sweep(sp->proxies);
	untell_all(sp, clock_ms());
	sp->has_synced = true;
}

void
shared_pool_reset(struct shared_pool *sp)
{
	static const char why[] = "it was emptied, restored, or is another one: all servers stay";

	sp->resets++;
	log_event(LOG_WARN, "the store was reset", "why=%s", log_quoted(why));
	events_add(sp->env.events, EVENT_STORE, NULL, NULL, why);
	shared_rows_clear(sp->rows);
	shared_rows_clear(sp->proxies);
	untell_all(sp, clock_ms());
}

void
shared_pool_clash(struct shared_pool *sp, struct span address)
{
	char why[EVENTS_WHY];

	if (address.n >= sizeof sp->rival)
		address.n = sizeof sp->rival - 1;
	(void)snprintf(sp->rival, sizeof sp->rival, "%.*s", SPAN_ARG(address));
	if (!sp->clash) {
		(void)snprintf(why, sizeof why,
			       "another proxy has the id %.64s, at %.100s: give each its own",
			       rules(sp)->proxy_id, sp->rival);
		log_event(
			LOG_ERROR, "another proxy has this one's id: it is not told of its servers",
			"id=%s address=%s", log_quoted(rules(sp)->proxy_id), log_quoted(sp->rival));
		events_add(sp->env.events, EVENT_STORE, NULL, NULL, why);
	}
	sp->clash = true;
}

/* The store process logs it. */
static void
set_synced(struct shared_pool *sp, bool synced, const char *error)
{
	char why[EVENTS_WHY];

	if (synced == sp->synced)
		return;
	sp->synced = synced;
	if (synced) {
		/* What faded meanwhile could not be told of. */
		for (unsigned i = 0; i < registry_server_end(sp->env.registry); i++)
			registry_fade_anew(sp->env.registry, i, clock_ms());
		events_add(sp->env.events, EVENT_STORE, NULL, NULL, "it is synced");
		return;
	}
	(void)snprintf(why, sizeof why, "it is not synced, all servers stay: %.200s", error);
	events_add(sp->env.events, EVENT_STORE, NULL, NULL, why);
}

void
shared_pool_state(struct shared_pool *sp, const struct store_state *state)
{
	sp->state = *state;
	if (state->claimed != 0 && sp->clash) {
		sp->clash = false;
		log_event(LOG_INFO, "this proxy's id is its own again", "id=%s",
			  log_quoted(rules(sp)->proxy_id));
	}
	set_synced(sp, state->phase == STORE_SYNCED, state->error);
}

/* ---- its life ---- */

void
shared_pool_on(struct shared_pool *sp)
{
	sp->on = true;
	sp->clash = false;
	shared_rows_begin(sp->rows);
	shared_rows_begin(sp->proxies);
	shared_publish_anew(sp->publish, rules(sp));
	arm(sp);
}

void
shared_pool_off(struct shared_pool *sp)
{
	sp->on = sp->synced = sp->has_synced = sp->clash = false;
	sp->state = (struct store_state){.phase = STORE_CONNECTING};
	shared_rows_clear(sp->rows);
	shared_rows_clear(sp->proxies);
	untell_all(sp, clock_ms());
	if (fade(sp, clock_ms()) > 0)
		arm(sp);
}

void
shared_pool_rest(struct shared_pool *sp)
{
	sp->on = false;
	(void)event_del(sp->tick);
}

void
shared_pool_review(struct shared_pool *sp)
{
	uint64_t now = clock_ms();

	if (!sp->on)
		return;
	shared_publish_review(sp->publish, rules(sp));
	for (unsigned i = 0; i < shared_rows_n(sp->rows); i++)
		note(sp, shared_pool_judge(sp, shared_rows_at(sp->rows, i), now));
}

bool
shared_pool_has_synced(const struct shared_pool *sp)
{
	return sp->has_synced;
}

struct shared_pool *
shared_pool_new(const struct shared_pool_env *env)
{
	struct shared_pool *sp = calloc(1, sizeof *sp);
	unsigned max = 2 * registry_max_servers(env->registry);

	if (sp == NULL)
		return NULL;
	sp->env = *env;
	sp->rows = shared_rows_new(max);
	sp->proxies = shared_rows_new(max);
	sp->publish = shared_publish_new(env->registry, &ops, sp);
	sp->tick = event_new(env->base, -1, EV_PERSIST, on_tick, sp);
	sp->flush = event_new(env->base, -1, 0, on_flush, sp);
	if (sp->rows != NULL && sp->proxies != NULL && sp->publish != NULL && sp->tick != NULL &&
	    sp->flush != NULL)
		return sp;
	shared_pool_free(sp);
	return NULL;
}

void
shared_pool_free(struct shared_pool *sp)
{
	if (sp == NULL)
		return;
	if (sp->tick != NULL)
		event_free(sp->tick);
	if (sp->flush != NULL)
		event_free(sp->flush);
	shared_publish_free(sp->publish);
	shared_rows_free(sp->rows);
	shared_rows_free(sp->proxies);
	free(sp);
}
