/* store_publish.c - see store_publish.h. */
#include "store_publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "clock.h"
#include "json_text.h"
#include "log.h"
#include "store_msg.h"
#include "store_plan.h"

enum {
	BATCH = 64, /* changes of a transaction: etcd takes 127, each with a comparison */
	BATCH_BYTES = 256 * 1024, /* of their values: it takes 1.5 MB */
	UNDONE_MS = 200,	  /* after which what was refused as a whole is tried again */
	MARGIN_MS = 1000,	  /* after which a predecessor's lease has ended for certain */
	TEXT = 256
};

/* What a transaction has, for its answer. */
struct tried {
	struct store_row *row;
	unsigned serial;
};

struct store_publish {
	struct store_publish_env env;
	bool may;
	struct event *clock;
	struct store_row *claim; /* wanted for good, so that it stays */
	bool claimed;
	char other_boot[TEXT], other_address[TEXT]; /* of another proxy with this id; or empty */
	uint64_t other_since;			    /* clock_ms() */
	bool told_clash;
	struct etcd_call *call; /* a transaction, or the grant of a lease for what is gone */
	uint64_t farewell;	/* that lease; 0: none */
	uint64_t farewell_at;
	struct tried tried[BATCH];
	size_t n, most; /* of a transaction */
	uint64_t lease; /* that it was tried under */
};

static void
arm(struct store_publish *p, uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	if (event_add(p->clock, &tv) < 0)
		log_event(LOG_ERROR, "cannot arm a clock of the store", NULL);
}

void
store_publish_look(struct store_publish *p)
{
	arm(p, 0);
}

void
store_publish_may(struct store_publish *p, bool may)
{
	p->may = may;
	store_publish_look(p);
}

bool
store_publish_claimed(const struct store_publish *p)
{
	return p->claimed;
}

/* ---- the claim ---- */

static void
set_claimed(struct store_publish *p, bool claimed)
{
	if (claimed == p->claimed)
		return;
	p->claimed = claimed;
	if (claimed)
		p->told_clash = false;
	p->env.on_claimed(claimed, p->env.ctx);
}

/* A member of a flat object as text; false: it is none, or too long. */
static bool
text_of(const struct json_text_object *o, const char *name, char out[TEXT])
{
	const struct json_text_member *m = json_text_find(o, name);
	struct buf text = BUF_INIT;
	bool fits = false;

	if (m != NULL && m->kind == JSON_TEXT_STRING &&
	    json_text_decode(json_text_inner(m), &text) == 0 && buf_len(&text) < TEXT) {
		memcpy(out, buf_span(&text).p != NULL ? buf_span(&text).p : "", buf_len(&text));
		out[buf_len(&text)] = '\0';
		fits = true;
	}
	buf_release(&text);
	return fits;
}

/* What is no claim that can be read is another's. */
static void
heard_claim(struct store_publish *p, struct span value)
{
	struct json_text_object o;
	size_t at;
	bool ours;

	p->other_boot[0] = p->other_address[0] = '\0';
	if (!p->claim->there) {
		p->other_since = 0;
		p->told_clash = false;
		return;
	}
	if (json_text_scan(value, 8, &o, &at) == JSON_TEXT_OK) {
		(void)text_of(&o, "boot", p->other_boot);
		(void)text_of(&o, "address", p->other_address);
	}
	ours = strcmp(p->other_boot, p->env.boot) == 0;
	if (ours) /* a predecessor's, or that of a lease that was lost */
		p->claim->over = p->claim->mod_rev;
	if (ours)
		p->other_since = 0;
	else if (p->other_since == 0)
		p->other_since = clock_ms();
}

/* Is it this session's?  Tells when it is another's that can't be this proxy's own of before. */
static bool
judge_claim(struct store_publish *p, uint64_t lease, uint64_t now, uint64_t *next)
{
	uint64_t patience = p->env.ttl + MARGIN_MS;

	set_claimed(p, p->claim->there && p->claim->lease == lease &&
			       p->claim->hash == p->claim->value_hash);
	if (p->claimed || p->other_since == 0 || p->told_clash)
		return p->claimed;
	if (now - p->other_since < patience) {
		if (p->other_since + patience < *next)
			*next = p->other_since + patience;
		return false;
	}
	p->told_clash = true;
	p->env.on_clash(span_str(p->other_boot), span_str(p->other_address), p->env.ctx);
	return false;
}

/* ---- transactions ---- */

/* hold: ms until they may be tried again where nothing is heard of them. */
static void
end_tries(struct store_publish *p, struct json_object *o, uint64_t hold)
{
	uint64_t now = clock_ms();

	for (size_t i = 0; i < p->n; i++) {
		struct store_row *r = p->tried[i].row;
		bool did = o != NULL && etcd_json_did(o, i);

		store_plan_tried(r, did, p->tried[i].serial, p->lease, now);
		if (r->held_until > now + hold)
			r->held_until = now + hold;
		if (r->want == STORE_WANT_NOTHING ||
		    (did && r->want != STORE_WANT_KEPT && r->serial == p->tried[i].serial))
			store_rows_unwant(p->env.rows, r);
	}
	p->n = 0;
}

/* One that is too large by itself is not put at all. */
static void
put_less(struct store_publish *p)
{
	if (p->n == 1)
		log_limited(LOG_ERROR, "a row is too large for the store", "bytes=%zu",
			    p->tried[0].row->value_n);
	p->most = p->n > 1 ? p->n / 2 : 1;
}

static void
on_txn(const struct etcd_answer *a, void *arg)
{
	struct store_publish *p = arg;
	bool done = a->class == ETCD_OK && etcd_json_succeeded(a->o);
	uint64_t hold = STORE_PLAN_HOLD_MS;

	p->call = NULL;
	if (a->class == ETCD_TOO_LARGE)
		put_less(p);
	else if (done)
		p->most = BATCH;
	if (a->class == ETCD_NO_LEASE || (a->class == ETCD_OK && !done)) {
		p->farewell = 0;
		hold = UNDONE_MS;
		store_lease_doubt(p->env.lease);
	}
	end_tries(p, done ? a->o : NULL, hold);
	store_publish_look(p);
}

static void
send_txn(struct store_publish *p, const struct etcd_op *op, bool fenced)
{
	char key[TEXT + STORE_KEY_MAX];
	struct buf body = BUF_INIT;
	struct span fence = {"", 0};

	if (fenced) {
		(void)snprintf(key, sizeof key, "%s%.*s", p->env.prefix,
			       SPAN_ARG(store_row_key(p->claim)));
		fence = span_str(key);
	}
	if (etcd_json_put_txn(&body, fence, p->lease, op, p->n) == 0)
		p->call = etcd_client_call(p->env.client, "/v3/kv/txn", buf_span(&body), on_txn, p);
	buf_release(&body);
	if (p->call == NULL)
		end_tries(p, NULL, STORE_PLAN_HOLD_MS); /* tried again as what nobody knows of */
}

/* ---- a lease for what is gone ---- */

static void
on_farewell(const struct etcd_answer *a, void *arg)
{
	struct store_publish *p = arg;

	p->call = NULL;
	if (a->class == ETCD_OK && etcd_json_lease_id(a->o) != 0) {
		p->farewell = etcd_json_lease_id(a->o);
		p->farewell_at = clock_ms();
		store_publish_look(p);
	} else
		arm(p, STORE_PLAN_HOLD_MS);
}

/* One that was given just now; asked for where there is none. */
static bool
has_farewell(struct store_publish *p, uint64_t now)
{
	struct buf body = BUF_INIT;

	if (p->farewell != 0 && now - p->farewell_at < MARGIN_MS)
		return true;
	p->farewell = 0;
	if (etcd_json_put_grant(&body, 2 * ((p->env.ttl + 999) / 1000)) == 0)
		p->call = etcd_client_call(p->env.client, "/v3/lease/grant", buf_span(&body),
					   on_farewell, p);
	buf_release(&body);
	if (p->call == NULL)
		arm(p, STORE_PLAN_HOLD_MS);
	return false;
}

/* ---- what is to be done ---- */

struct batch {
	struct store_publish *p;
	uint64_t now, next; /* next: when something may be to be done */
	size_t bytes;
	bool farewells; /* there is something for that lease */
	struct etcd_op op[BATCH];
	char key[BATCH][TEXT + STORE_KEY_MAX];
};

/* False: it is full. */
static bool
add(struct batch *b, struct store_row *r, bool remove, uint64_t expected)
{
	struct store_publish *p = b->p;
	size_t i = p->n;

	if (i == p->most || b->bytes + r->value_n > BATCH_BYTES)
		return false;
	(void)snprintf(b->key[i], sizeof b->key[i], "%s%.*s", p->env.prefix,
		       SPAN_ARG(store_row_key(r)));
	b->op[i] = (struct etcd_op){.key = span_str(b->key[i]),
				    .value = span_of(r->value, r->value_n),
				    .remove = remove,
				    .lease = r->want == STORE_WANT_GONE ? p->farewell : p->lease,
				    .expected = expected};
	p->tried[i] = (struct tried){.row = r, .serial = store_plan_try(r)};
	b->bytes += r->value_n;
	p->n++;
	return true;
}

/* False: there is no more room. */
static bool
consider(struct batch *b, struct store_row *r)
{
	uint64_t expected, again;
	enum store_step step = store_plan(r, b->p->lease, b->now, &expected, &again);

	switch (step) {
	case STORE_STEP_NONE: return true;
	case STORE_STEP_OVER: store_rows_unwant(b->p->env.rows, r); return true;
	case STORE_STEP_WAIT: b->next = again < b->next ? again : b->next; return true;
	case STORE_STEP_PUT:
	case STORE_STEP_REMOVE: break;
	}
	if (r->want == STORE_WANT_GONE && b->p->farewell == 0) {
		b->farewells = true;
		return true;
	}
	return add(b, r, step == STORE_STEP_REMOVE, expected);
}

static void
gather(struct batch *b)
{
	struct store_row *r, *next;

	for (r = LIST_FIRST(store_rows_wanted(b->p->env.rows)); r != NULL; r = next) {
		next = LIST_NEXT(r, wanted_link);
		if (r != b->p->claim && !consider(b, r))
			return;
	}
}

static void
look(struct store_publish *p, struct batch *b)
{
	bool claimed = judge_claim(p, p->lease, b->now, &b->next);

	if (p->farewell != 0 && b->now - p->farewell_at >= MARGIN_MS)
		p->farewell = 0;
	if (claimed)
		gather(b);
	else
		(void)consider(b, p->claim);
	if (p->n > 0)
		send_txn(p, b->op, claimed);
	else if (b->farewells && has_farewell(p, b->now))
		store_publish_look(p);
	if (p->call == NULL && b->next != UINT64_MAX)
		arm(p, b->next > b->now ? b->next - b->now : 0);
}

static void
on_clock(evutil_socket_t fd, short what, void *arg)
{
	struct store_publish *p = arg;
	struct batch *b;

	(void)fd;
	(void)what;
	if (p->call != NULL || !p->may)
		return; /* each of these looks again when it changes, and so does the lease */
	p->lease = store_lease_id(p->env.lease);
	if (p->lease == 0) {
		set_claimed(p, false);
		return;
	}
	b = malloc(sizeof *b);
	if (b == NULL) {
		arm(p, STORE_PLAN_HOLD_MS);
		return;
	}
	b->p = p;
	b->now = clock_ms();
	b->next = UINT64_MAX;
	b->bytes = 0;
	b->farewells = false;
	look(p, b);
	free(b);
}

/* One that hangs on this session, though nobody wants it: what was tried came late. */
static bool
is_stray(const struct store_publish *p, const struct store_row *r)
{
	uint64_t lease = store_lease_id(p->env.lease);

	return r->there && lease != 0 && r->lease == lease && r->want == STORE_WANT_NOTHING &&
	       !r->in_flight;
}

void
store_publish_heard(struct store_publish *p, struct span key, struct span value)
{
	struct store_row *r = store_rows_find(p->env.rows, key);

	if (r == NULL)
		return;
	store_plan_heard(r, clock_ms(), backoff_random());
	if (r == p->claim) {
		r->not_before = 0;
		heard_claim(p, value);
	} else if (is_stray(p, r) &&
		   store_rows_want(p->env.rows, key, STORE_WANT_REMOVED, span_of("", 0), 0) == NULL)
		log_event(LOG_ERROR, "out of memory for a row of the store", NULL);
	if (r->want != STORE_WANT_NOTHING)
		store_publish_look(p);
}

void
store_publish_reset(struct store_publish *p)
{
	p->farewell = 0;
	heard_claim(p, span_of("", 0));
	store_publish_look(p);
}

void
store_publish_count(const struct store_publish *p, uint64_t *wanted, uint64_t *missing)
{
	struct store_row *r;

	*wanted = *missing = 0;
	LIST_FOREACH(r, store_rows_wanted(p->env.rows), wanted_link) {
		if (r == p->claim || r->want != STORE_WANT_KEPT)
			continue;
		++*wanted;
		*missing += store_plan_is_missing(r);
	}
}

/* ---- the whole ---- */

static int
put_claim(struct buf *out, const struct store_publish_env *e)
{
	return buf_append_str(out, "{\"v\":1,\"boot\":") < 0 ||
			       json_text_quote(out, span_str(e->boot)) < 0 ||
			       buf_append_str(out, ",\"address\":") < 0 ||
			       json_text_quote(out, span_str(e->address)) < 0 ||
			       buf_append_str(out, ",\"version\":\"" POLICYPOOL_VERSION "\"}") < 0
		       ? -1
		       : 0;
}

static struct store_row *
want_claim(const struct store_publish_env *e)
{
	struct buf key = BUF_INIT, value = BUF_INIT;
	struct store_row *r = NULL;

	if (buf_append_str(&key, "proxies/") == 0 && store_percent(&key, e->id) == 0 &&
	    put_claim(&value, e) == 0)
		r = store_rows_want(e->rows, buf_span(&key), STORE_WANT_KEPT, buf_span(&value), 0);
	buf_release(&key);
	buf_release(&value);
	return r;
}

struct store_publish *
store_publish_new(const struct store_publish_env *env)
{
	struct store_publish *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->env = *env;
	p->most = BATCH;
	p->clock = evtimer_new(env->base, on_clock, p);
	p->claim = p->clock == NULL ? NULL : want_claim(env);
	if (p->claim != NULL)
		return p;
	store_publish_free(p);
	return NULL;
}

void
store_publish_free(struct store_publish *p)
{
	if (p == NULL)
		return;
	etcd_client_cancel(p->call);
	if (p->clock != NULL)
		event_free(p->clock);
	free(p);
}
