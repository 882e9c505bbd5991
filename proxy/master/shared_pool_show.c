/* shared_pool_show.c - the store and the proxies of a cluster, for operators; see shared_pool.h. */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "json_text.h"
#include "shared_pool_internal.h"
#include "status.h"

static const char *
state_of(const struct shared_pool *sp)
{
	if (!sp->on)
		return "off";
	return sp->clash ? "clash" : store_phase_text((enum store_phase)sp->state.phase);
}

/* How long ago; null: never. */
static void
add_ago(struct json_object *o, const char *key, uint64_t at)
{
	uint64_t now = clock_ms();

	if (at == 0)
		status_add_null(o, key);
	else
		status_add_seconds(o, key, now > at ? now - at : 0);
}

static unsigned
count_known(const struct registry *r, enum registry_known known)
{
	unsigned n = 0;

	for (unsigned i = 0; i < registry_server_end(r); i++)
		n += registry_server(r, i)->used && registry_known(r, i) == known;
	return n;
}

static unsigned
count_refused(const struct shared_rows *rows)
{
	unsigned n = 0;

	for (unsigned i = 0; i < shared_rows_n(rows); i++) {
		const struct shared_row *row = shared_rows_at(rows, i);
		n += row->value != NULL && !row->believed;
	}
	return n;
}

static void
add_rows(struct json_object *o, const struct shared_pool *sp)
{
	const struct registry *r = sp->env.registry;

	status_add_number(o, "rows", sp->state.rows);
	status_add_number(o, "published", shared_publish_count(sp->publish));
	status_add_number(o, "unsynced", sp->state.unsynced);
	status_add_number(o, "unsigned", shared_publish_unsigned(sp->publish));
	for (unsigned k = 0; k < REGISTRY_KNOWN_COUNT; k++) {
		enum registry_known known = (enum registry_known)k;
		status_add_number(o, registry_known_text(known), count_known(r, known));
	}
	status_add_number(o, "refused",
			  count_refused(sp->rows) + sp->foreign + sp->no_room + sp->state.ignored);
	status_add_text_or_null(o, "last_refused", sp->refused);
}

struct json_object *
shared_pool_show(const struct shared_pool *sp)
{
	struct json_object *o = json_object_new_object();
	const struct store_state *s = &sp->state;
	uint64_t now = clock_ms();

	if (o == NULL)
		return NULL;
	status_add_text(o, "state", state_of(sp));
	status_add_text_or_null(o, "endpoint", s->endpoint);
	status_add_text_or_null(o, "rival", sp->clash ? sp->rival : NULL);
	status_add_number(o, "revision", s->revision);
	status_add_number(o, "term", s->term);
	add_ago(o, "synced_s", s->synced_at);
	add_ago(o, "audit_s", s->audit_at);
	if (s->lease_until == 0)
		status_add_null(o, "lease_s");
	else
		status_add_seconds(o, "lease_s", s->lease_until > now ? s->lease_until - now : 0);
	add_rows(o, sp);
	status_add_number(o, "resets", sp->resets);
	status_add_number(o, "disputes", sp->disputes);
	status_add_number(o, "errors", s->errors);
	status_add_text_or_null(o, "last_error", s->error);
	add_ago(o, "last_error_s", s->error_at);
	return o;
}

/* ---- proxies ---- */

static void
add_member(struct json_object *o, const char *key, const struct json_text_object *row)
{
	const struct json_text_member *m = json_text_find(row, key);
	struct buf text = BUF_INIT;

	if (m != NULL && m->kind == JSON_TEXT_STRING &&
	    json_text_decode(json_text_inner(m), &text) == 0 && buf_append(&text, "", 1) == 0)
		status_add_text_or_null(o, key, buf_span(&text).p);
	else
		status_add_null(o, key);
	buf_release(&text);
}

/* Servers that are known from that proxy. */
static unsigned
count_told_by(const struct registry *r, const char *proxy)
{
	unsigned n = 0;

	for (unsigned i = 0; i < registry_server_end(r); i++)
		n += registry_server(r, i)->used &&
		     strcmp(registry_tenure_of(r, i)->by, proxy) == 0;
	return n;
}

static struct json_object *
show_proxy(const struct shared_pool *sp, const struct shared_row *row)
{
	bool self = strcmp(row->id, sp->env.join(sp->env.ctx)->proxy_id) == 0;
	struct json_object *o = json_object_new_object();
	struct json_text_object members = {.n = 0};
	size_t at;

	if (o == NULL)
		return NULL;
	if (json_text_scan(span_of(row->value, row->n), 4, &members, &at) != JSON_TEXT_OK)
		members.n = 0;
	status_add_text(o, "id", row->id);
	status_add_bool(o, "self", self);
	add_member(o, "address", &members);
	add_member(o, "version", &members);
	status_add_number(o, "servers",
			  self ? shared_publish_count(sp->publish)
			       : count_told_by(sp->env.registry, row->id));
	add_member(o, "boot", &members);
	return o;
}

struct json_object *
shared_pool_show_proxies(const struct shared_pool *sp)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; list != NULL && i < shared_rows_n(sp->proxies); i++)
		if (shared_rows_at(sp->proxies, i)->value != NULL)
			status_append(list, show_proxy(sp, shared_rows_at(sp->proxies, i)));
	return list;
}
