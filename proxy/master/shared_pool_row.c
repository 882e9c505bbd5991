/* shared_pool_row.c - what a row of the store is worth, and what follows; see shared_pool.h. */
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "shared_pool_internal.h"

enum { DISPUTE_MS = 1000 }; /* between two times that ours is put in a row's place */

static const struct registration *
rules(const struct shared_pool *sp)
{
	return sp->env.join(sp->env.ctx);
}

bool
shared_pool_forget(struct shared_pool *sp, const char *id, uint64_t now)
{
	return registration_unlearn(rules(sp), id, NULL, now) == REGISTRATION_CHANGED;
}

/* A server of ours stands there as what it is not, or as gone: a mistake, a former life, a forgery,
 * or it has left another proxy alone. */
static void
dispute(struct shared_pool *sp, struct shared_row *row, uint64_t now)
{
	if (!shared_publish_has(sp->publish, row->id) || now < row->told + DISPUTE_MS)
		return;
	row->told = now;
	sp->disputes++;
	(void)shared_publish_again(sp->publish, rules(sp), row->id);
}

static bool
refuse(struct shared_pool *sp, struct shared_row *row, const char *why, uint64_t now)
{
	if (strcmp(row->why, why) != 0) {
		(void)snprintf(row->why, sizeof row->why, "%s", why);
		(void)snprintf(sp->refused, sizeof sp->refused, "%s: %s", row->id, why);
		log_limited(LOG_WARN, "what the store tells of a server is not believed",
			    "id=%s why=%s", log_quoted(row->id), log_quoted(why));
	}
	row->believed = false;
	dispute(sp, row, now);
	return shared_pool_forget(sp, row->id, now);
}

/* It announced itself here, as the row tells. */
static bool
is_own(const struct shared_pool *sp, const struct store_record *rec)
{
	return strcmp(rec->by, rules(sp)->proxy_id) == 0 &&
	       shared_publish_has(sp->publish, rec->a.id);
}

static bool
take_leave(struct shared_pool *sp, struct shared_row *row, const struct store_record *rec,
	   uint64_t now)
{
	/* What leaves all proxies leaves this one in a moment. */
	if (!row->believed && shared_publish_has(sp->publish, row->id))
		row->told = now;
	row->believed = true;
	row->why[0] = '\0';
	dispute(sp, row, now);
	return registration_unlearn(rules(sp), row->id, rec, now) == REGISTRATION_CHANGED;
}

/* It may be what this proxy told before, or somebody else's in its name. */
static bool
take_own(struct shared_pool *sp, struct shared_row *row, uint64_t now)
{
	row->believed = true;
	row->why[0] = '\0';
	if (shared_publish_is(sp->publish, row->id, span_of(row->value, row->n)))
		row->told = 0;
	else
		dispute(sp, row, now);
	return shared_pool_forget(sp, row->id, now);
}

bool
shared_pool_judge(struct shared_pool *sp, struct shared_row *row, uint64_t now)
{
	char why[REGISTRATION_WHY] = "";
	struct store_record rec;
	bool changed;

	if (row->value == NULL || now < row->quiet)
		return false;
	if (store_record_read(&rec, span_of(row->value, row->n), why) < 0)
		return refuse(sp, row, why, now);
	if (strcmp(rec.a.id, row->id) != 0)
		return refuse(sp, row, "it is of another id than its key", now);
	if (rec.gone[0] != '\0')
		return take_leave(sp, row, &rec, now);
	if (is_own(sp, &rec))
		return take_own(sp, row, now);
	changed = registration_learn(rules(sp), &rec, now, why) == REGISTRATION_CHANGED;
	if (why[0] != '\0')
		return refuse(sp, row, why, now) || changed;
	row->believed = true;
	row->told = 0;
	row->why[0] = '\0';
	return changed;
}

/* But for whose word it is. */
static bool
is_same(const struct store_record *a, const struct store_record *b)
{
	struct store_record x = *a, y = *b;
	struct buf one = BUF_INIT, other = BUF_INIT;
	bool same;

	x.by[0] = y.by[0] = x.a.sign.mac[0] = y.a.sign.mac[0] = '\0';
	same = store_record_write(&one, &x) == 0 && store_record_write(&other, &y) == 0 &&
	       span_eq(buf_span(&one), buf_span(&other));
	buf_release(&one);
	buf_release(&other);
	return same;
}

bool
shared_pool_disagrees(const struct shared_row *row, const struct store_record *ours)
{
	char why[STORE_RECORD_WHY];
	struct store_record rec;

	if (row == NULL || row->value == NULL)
		return false;
	return (row->why[0] != '\0' && !row->believed) ||
	       store_record_read(&rec, span_of(row->value, row->n), why) < 0 ||
	       rec.gone[0] != '\0' || !is_same(&rec, ours);
}
