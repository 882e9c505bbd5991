/* store_rows.c - see store_rows.h. */
#include "store_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "siphash.h"
#include "store_msg.h"

enum { PLACES_MIN = 256 };

struct store_rows {
	uint64_t secret[2]; /* strangers choose the keys */
	struct store_row **place;
	size_t places, n; /* a power of 2; rows of all kinds */
	size_t sweep;	  /* where the search for rows not seen goes on */
	unsigned reading;
	struct store_row_list wanted;
	struct store_rows_count count;
};

struct store_rows *
store_rows_new(void)
{
	struct store_rows *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->places = PLACES_MIN;
	s->place = calloc(s->places, sizeof *s->place);
	LIST_INIT(&s->wanted);
	if (s->place != NULL &&
	    getrandom(s->secret, sizeof s->secret, 0) == (ssize_t)sizeof s->secret)
		return s;
	store_rows_free(s);
	return NULL;
}

static void
free_row(struct store_row *r)
{
	free(r->value);
	free(r);
}

void
store_rows_free(struct store_rows *s)
{
	struct store_row *r, *next;

	if (s == NULL)
		return;
	for (size_t i = 0; s->place != NULL && i < s->places; i++)
		for (r = s->place[i]; r != NULL; r = next) {
			next = r->next;
			free_row(r);
		}
	free(s->place);
	free(s);
}

/* ---- the table ---- */

static struct store_row **
place_of(const struct store_rows *s, struct span key)
{
	return &s->place[siphash(s->secret, key) & (s->places - 1)];
}

struct store_row *
store_rows_find(const struct store_rows *s, struct span key)
{
	struct store_row *r = *place_of(s, key);

	while (r != NULL && !span_eq(store_row_key(r), key))
		r = r->next;
	return r;
}

/* Where there is no memory for it the chains get longer. */
static void
grow(struct store_rows *s)
{
	struct store_row **old = s->place, **more = calloc(2 * s->places, sizeof *more), *r, *next;
	struct store_row **at;
	size_t places = s->places;

	if (more == NULL)
		return;
	s->place = more;
	s->places = 2 * places;
	for (size_t i = 0; i < places; i++)
		for (r = old[i]; r != NULL; r = next) {
			next = r->next;
			at = place_of(s, store_row_key(r));
			r->next = *at;
			*at = r;
		}
	free(old);
}

static struct store_row *
find_or_add(struct store_rows *s, struct span key)
{
	struct store_row *r = store_rows_find(s, key), **at;

	if (r != NULL)
		return r;
	if (s->n >= STORE_ROWS_MAX) {
		errno = EMFILE;
		return NULL;
	}
	if (s->n >= s->places)
		grow(s);
	r = calloc(1, sizeof *r + key.n);
	if (r == NULL)
		return NULL;
	memcpy(r->key, key.p, key.n);
	r->key_n = key.n;
	at = place_of(s, key);
	r->next = *at;
	*at = r;
	s->n++;
	return r;
}

static void
drop_unless_used(struct store_rows *s, struct store_row *r)
{
	struct store_row **at = place_of(s, store_row_key(r));

	if (r->there || r->want != STORE_WANT_NOTHING || r->in_flight)
		return;
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	s->n--;
	free_row(r);
}

uint64_t
store_rows_hash(const struct store_rows *s, struct span value)
{
	uint64_t h = siphash(s->secret, value);

	return h == 0 ? 1 : h;
}

/* ---- what the store has ---- */

void
store_rows_read(struct store_rows *s)
{
	s->reading++;
	s->sweep = 0;
}

struct store_row *
store_rows_take(struct store_rows *s, struct span key, struct span value, uint64_t create_rev,
		uint64_t mod_rev, uint64_t lease, bool *changed)
{
	struct store_row *r = find_or_add(s, key);

	if (r == NULL)
		return NULL;
	*changed = !r->there || r->mod_rev != mod_rev || r->create_rev != create_rev;
	s->count.there += !r->there;
	s->count.ignored -= r->there && r->ignored;
	r->there = true;
	r->ignored = key.n > STORE_KEY_MAX;
	s->count.ignored += r->ignored;
	r->seen = s->reading;
	r->create_rev = create_rev;
	r->mod_rev = mod_rev;
	r->lease = lease;
	r->hash = store_rows_hash(s, value);
	return r;
}

static void
set_gone(struct store_rows *s, struct store_row *r)
{
	s->count.there--;
	s->count.ignored -= r->ignored;
	r->there = r->ignored = false;
	r->create_rev = r->mod_rev = r->lease = r->hash = 0;
}

bool
store_rows_gone(struct store_rows *s, struct span key)
{
	struct store_row *r = store_rows_find(s, key);

	if (r == NULL || !r->there)
		return false;
	set_gone(s, r);
	drop_unless_used(s, r);
	return true;
}

struct store_row *
store_rows_swept(struct store_rows *s)
{
	for (; s->sweep < s->places; s->sweep++)
		for (struct store_row *r = s->place[s->sweep]; r != NULL; r = r->next)
			if (r->there && r->seen != s->reading)
				return r;
	return NULL;
}

void
store_rows_forget(struct store_rows *s)
{
	struct store_row *r, *next;

	for (size_t i = 0; i < s->places; i++)
		for (r = s->place[i]; r != NULL; r = next) {
			next = r->next;
			if (r->there)
				set_gone(s, r);
			r->held_until = r->moved = 0;
			r->written = false;
			drop_unless_used(s, r);
		}
}

void
store_rows_count(const struct store_rows *s, struct store_rows_count *c)
{
	*c = s->count;
}

uint64_t
store_rows_newest(const struct store_rows *s)
{
	uint64_t newest = 0;

	for (size_t i = 0; i < s->places; i++)
		for (const struct store_row *r = s->place[i]; r != NULL; r = r->next)
			if (r->there && r->mod_rev > newest)
				newest = r->mod_rev;
	return newest;
}

/* ---- what is wanted ---- */

static bool
is_wanted_so(const struct store_row *r, enum store_want want, struct span value, uint64_t over)
{
	return r->want == want && r->over == over && r->value_n == value.n &&
	       (value.n == 0 || memcmp(r->value, value.p, value.n) == 0);
}

static void
set_want(struct store_rows *s, struct store_row *r, enum store_want want)
{
	s->count.wanted -= r->want == STORE_WANT_KEPT;
	s->count.wanted += want == STORE_WANT_KEPT;
	if (r->want == STORE_WANT_NOTHING && want != STORE_WANT_NOTHING)
		LIST_INSERT_HEAD(&s->wanted, r, wanted_link);
	if (r->want != STORE_WANT_NOTHING && want == STORE_WANT_NOTHING)
		LIST_REMOVE(r, wanted_link);
	r->want = want;
	r->serial++;
	r->not_before = 0;
}

struct store_row *
store_rows_want(struct store_rows *s, struct span key, enum store_want want, struct span value,
		uint64_t over)
{
	struct store_row *r = find_or_add(s, key);
	char *copy;

	if (r == NULL || is_wanted_so(r, want, value, over))
		return r;
	copy = malloc(value.n + 1);
	if (copy == NULL) {
		drop_unless_used(s, r);
		return NULL;
	}
	if (value.n > 0)
		memcpy(copy, value.p, value.n);
	free(r->value);
	r->value = copy;
	r->value_n = value.n;
	r->value_hash = store_rows_hash(s, value);
	r->over = over;
	set_want(s, r, want);
	return r;
}

void
store_rows_unwant(struct store_rows *s, struct store_row *r)
{
	if (r->want != STORE_WANT_NOTHING)
		set_want(s, r, STORE_WANT_NOTHING);
	free(r->value);
	r->value = NULL;
	r->value_n = 0;
	drop_unless_used(s, r);
}

struct store_row_list *
store_rows_wanted(struct store_rows *s)
{
	return &s->wanted;
}
