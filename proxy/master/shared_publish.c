/* shared_publish.c - see shared_publish.h. */
#include "shared_publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"

enum state { FRESH, NOT_SIGNED, KEPT, STATES };

/* What is told of the server at an index, and by what of the registry it is known to have changed.
 */
struct told {
	enum state state;
	uint64_t incarnation, epoch;
	uint64_t keys;		  /* sum of its job's keys and its key */
	uint64_t value;		  /* sum of what is told */
	bool ended;		  /* its lease does */
	struct store_record left; /* what is to be told when it is there no more */
};

struct shared_publish {
	const struct registry *registry;
	const struct shared_publish_ops *ops;
	void *ctx;
	unsigned n[STATES];
	unsigned end; /* of told */
	struct told *told[];
};

struct shared_publish *
shared_publish_new(const struct registry *r, const struct shared_publish_ops *ops, void *ctx)
{
	struct shared_publish *p = calloc(1, sizeof *p + registry_max_servers(r) * sizeof *p->told);

	if (p == NULL)
		return NULL;
	p->registry = r;
	p->ops = ops;
	p->ctx = ctx;
	return p;
}

void
shared_publish_free(struct shared_publish *p)
{
	if (p == NULL)
		return;
	for (unsigned i = 0; i < p->end; i++)
		free(p->told[i]);
	free(p);
}

/* ---- what is told ---- */

/* FNV-1a: nobody gains anything by two that are alike. */
static uint64_t
sum(uint64_t h, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
	return h;
}

static const uint64_t seed = UINT64_C(14695981039346656037);

static uint64_t
sum_of_keys(const struct registry_tenure *t)
{
	return sum(sum(seed, span_str(t->keyid)) + 1, span_str(t->job_keys));
}

static bool
is_shared(const struct registration *j, const struct registry *r, unsigned i)
{
	const struct registry_server *s = registry_server(r, i);

	return s->used && s->pooled && s->slots > 1 && !s->configured && !addr_is_unix(&s->addr) &&
	       !registry_tenure_of(r, i)->second &&
	       (!addr_is_loopback(&s->addr) || registration_is_local(j));
}

/* As JSON, signed.  0, or -1. */
static int
write_record(const struct registration *j, struct store_record *rec, struct buf *out)
{
	return store_record_sign(rec, j->keyring, j->cluster, time(NULL)) < 0
		       ? -1
		       : store_record_write(out, rec);
}

static void
set_state(struct shared_publish *p, struct told *t, enum state state)
{
	p->n[t->state]--;
	p->n[state]++;
	t->state = state;
}

static void
say_left(struct shared_publish *p, const struct registration *j, struct told *t, const char *gone)
{
	struct buf value = BUF_INIT;

	(void)snprintf(t->left.by, sizeof t->left.by, "%s", j->proxy_id);
	store_record_leave(&t->left, gone);
	/* What can't be said ends with the session's lease, as if this proxy had gone. */
	if (gone[0] != '\0' && write_record(j, &t->left, &value) < 0)
		buf_clear(&value);
	p->ops->drop(t->left.a.id, gone, buf_span(&value), p->ctx);
	buf_release(&value);
}

static void
drop(struct shared_publish *p, const struct registration *j, unsigned i, const char *gone)
{
	struct told *t = p->told[i];

	p->told[i] = NULL;
	p->n[t->state]--;
	if (t->state == KEPT)
		say_left(p, j, t, gone);
	free(t);
}

static void
refuse(struct shared_publish *p, struct told *t)
{
	if (t->state == KEPT)
		p->ops->drop(t->left.a.id, "", span_of(NULL, 0), p->ctx);
	if (t->state != NOT_SIGNED)
		log_limited(LOG_WARN, "a server is not told of to other proxies",
			    "id=%s key=%s why=%s", log_quoted(t->left.a.id),
			    log_quoted(t->left.a.sign.keyid),
			    log_quoted("the keyring has no secret to use of its key"));
	set_state(p, t, NOT_SIGNED);
}

/* anew: also what was told so before. */
static void
tell(struct shared_publish *p, const struct registration *j, unsigned i, bool anew)
{
	const struct registry_tenure *is = registry_tenure_of(p->registry, i);
	struct told *t = p->told[i];
	struct buf value = BUF_INIT;
	struct store_record rec;
	uint64_t now;

	t->incarnation = registry_server(p->registry, i)->incarnation;
	t->epoch = is->epoch;
	t->keys = sum_of_keys(is);
	store_record_of(&rec, p->registry, i, j->proxy_id);
	t->left = rec;
	if (write_record(j, &rec, &value) < 0) {
		refuse(p, t);
		buf_release(&value);
		return;
	}
	now = sum(seed, buf_span(&value));
	if (t->state != KEPT || anew || now != t->value)
		p->ops->keep(&rec, buf_span(&value), p->ctx);
	set_state(p, t, KEPT);
	t->value = now;
	buf_release(&value);
}

/* ---- looking ---- */

static void
drop_what_left(struct shared_publish *p, const struct registration *j, unsigned i)
{
	const struct registry_server *s = registry_server(p->registry, i);
	bool same = s->used && strcmp(s->id, p->told[i]->left.a.id) == 0;

	if (same && is_shared(j, p->registry, i))
		return;
	if (same && registry_tenure_of(p->registry, i)->second)
		drop(p, j, i, "");
	else
		drop(p, j, i, p->told[i]->ended ? STORE_RECORD_ENDED : STORE_RECORD_LEFT);
}

static bool
has_changed(const struct shared_publish *p, unsigned i)
{
	const struct told *t = p->told[i];

	return t->incarnation != registry_server(p->registry, i)->incarnation ||
	       t->epoch != registry_tenure_of(p->registry, i)->epoch ||
	       t->keys != sum_of_keys(registry_tenure_of(p->registry, i));
}

static void
look(struct shared_publish *p, const struct registration *j, bool again, bool anew)
{
	unsigned end = registry_server_end(p->registry);

	/* First what left: one may be back at another index. */
	for (unsigned i = 0; i < p->end; i++)
		if (p->told[i] != NULL)
			drop_what_left(p, j, i);
	p->end = end;
	for (unsigned i = 0; i < end; i++) {
		if (!is_shared(j, p->registry, i))
			continue;
		if (p->told[i] == NULL) {
			p->told[i] = calloc(1, sizeof *p->told[i]);
			p->n[FRESH] += p->told[i] != NULL;
		}
		if (p->told[i] == NULL)
			log_limited(LOG_ERROR, "out of memory: a server is not told of", NULL);
		else if (p->told[i]->state == FRESH || again || has_changed(p, i))
			tell(p, j, i, anew);
	}
}

void
shared_publish_look(struct shared_publish *p, const struct registration *j)
{
	look(p, j, false, false);
}

void
shared_publish_review(struct shared_publish *p, const struct registration *j)
{
	look(p, j, true, false);
}

void
shared_publish_anew(struct shared_publish *p, const struct registration *j)
{
	look(p, j, true, true);
}

static int
find(const struct shared_publish *p, const char *id)
{
	int i = registry_find(p->registry, id);

	return i >= 0 && (unsigned)i < p->end && p->told[i] != NULL && p->told[i]->state == KEPT &&
			       strcmp(p->told[i]->left.a.id, id) == 0
		       ? i
		       : -1;
}

bool
shared_publish_again(struct shared_publish *p, const struct registration *j, const char *id)
{
	int i = find(p, id);

	if (i < 0 || !is_shared(j, p->registry, (unsigned)i))
		return false;
	tell(p, j, (unsigned)i, true);
	return true;
}

void
shared_publish_ended(struct shared_publish *p, unsigned i)
{
	if (i < p->end && p->told[i] != NULL)
		p->told[i]->ended = true;
}

bool
shared_publish_has(const struct shared_publish *p, const char *id)
{
	return find(p, id) >= 0;
}

bool
shared_publish_is(const struct shared_publish *p, const char *id, struct span value)
{
	int i = find(p, id);

	return i >= 0 && p->told[i]->value == sum(seed, value);
}

unsigned
shared_publish_count(const struct shared_publish *p)
{
	return p->n[KEPT];
}

unsigned
shared_publish_unsigned(const struct shared_publish *p)
{
	return p->n[NOT_SIGNED];
}
