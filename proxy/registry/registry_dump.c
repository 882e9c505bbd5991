/* registry_dump.c - bytes -> the registry; see registry_dump.h. */
#include "registry_dump.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "json_text.h"

/* ---- reading: a line, judged ---- */

enum { LEASE_MAX = 86400 * 1000, JOB_TIMEOUT_MAX = 86400 * 1000 }; /* ms */

struct kept_policy {
	char name[PACKET_ID_MAX + 1];
	uint64_t ticket;
};

struct kept_server {
	struct registry_server is;
	uint64_t age, lease, remains; /* ms */
	bool was_ordered;
	uint64_t ordered;	       /* ms ago */
	char keyid[PACKET_ID_MAX + 1]; /* empty: nobody's */
	uint64_t epoch;
	char job_keys[JOB_KEYS_MAX + 1];
	bool second, fades;
	uint64_t fading; /* ms ago */
	char by[PACKET_ID_MAX + 1];
};

struct dump_reader {
	unsigned max_policies, max_servers;
	unsigned line; /* the one being read */
	unsigned policies, servers;
	struct kept_policy *policy;
	struct kept_server *server;
	bool ended;
	uint64_t saved;
	const char *start;
	struct json_text_object object;
	char *why;
};

static int wrong(struct dump_reader *, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* -1, with the line and what is wrong with it told. */
static int
wrong(struct dump_reader *r, const char *fmt, ...)
{
	char text[REGISTRY_DUMP_WHY - 32];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	(void)snprintf(r->why, REGISTRY_DUMP_WHY, "line %u: %s", r->line, text);
	return -1;
}

static int
number(struct dump_reader *r, const char *key, uint64_t min, uint64_t max, uint64_t *out)
{
	const struct json_text_member *m = json_text_find(&r->object, key);
	uint64_t v = 0;

	if (m == NULL || m->kind != JSON_TEXT_NUMBER)
		return wrong(r, "%s is missing, or no number", key);
	for (size_t i = 0; i < m->value.n; i++) {
		unsigned digit = (unsigned char)m->value.p[i] - (unsigned)'0';
		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return wrong(r, "%s is no such number", key);
		v = v * 10 + digit;
	}
	if (v < min || v > max)
		return wrong(r, "%s is out of range", key);
	*out = v;
	return 0;
}

/* A text of 1 to size - 1 bytes without escapes. */
static int
text(struct dump_reader *r, const char *key, char *out, size_t size)
{
	const struct json_text_member *m = json_text_find(&r->object, key);
	struct span s;

	if (m == NULL || m->kind != JSON_TEXT_STRING || m->value_escaped)
		return wrong(r, "%s is missing, or no plain text", key);
	s = json_text_inner(m);
	if (s.n == 0 || s.n >= size)
		return wrong(r, "%s is empty or too long", key);
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return 0;
}

static int
truth(struct dump_reader *r, const char *key, bool *out)
{
	const struct json_text_member *m = json_text_find(&r->object, key);

	if (m == NULL || m->kind != JSON_TEXT_BOOL)
		return wrong(r, "%s is missing, or neither true nor false", key);
	*out = m->value.p[0] == 't';
	return 0;
}

static int
address(struct dump_reader *r, struct addr *out)
{
	char words[ADDR_TEXT];
	const char *why;

	if (text(r, "addr", words, sizeof words) < 0)
		return -1;
	if (addr_parse(out, words, &why) < 0 || (addr_port(out) == 0 && !addr_is_unix(out)))
		return wrong(r, "addr is no address with a port, and no Unix socket");
	return 0;
}

/* Whose a Unix socket has to be; whoever's where it is not told. */
static int
user(struct dump_reader *r, struct registry_server *s)
{
	uint64_t uid = 0;

	if (json_text_find(&r->object, "user") != NULL &&
	    number(r, "user", 1, ADDR_UID_MAX, &uid) < 0)
		return -1;
	s->user = (uint32_t)uid;
	return 0;
}

static int
admin(struct dump_reader *r, uint8_t *out)
{
	char word[16];

	if (text(r, "admin", word, sizeof word) < 0)
		return -1;
	for (unsigned a = 0; a < REGISTRY_ADMIN_COUNT; a++)
		if (strcmp(word, registry_admin_text((enum registry_admin)a)) == 0) {
			*out = (uint8_t)a;
			return 0;
		}
	return wrong(r, "admin is no state that is known here");
}

static int
short_number(struct dump_reader *r, const char *key, uint64_t max, uint16_t *out)
{
	uint64_t v;

	if (number(r, key, 1, max, &v) < 0)
		return -1;
	*out = (uint16_t)v;
	return 0;
}

static int
read_head(struct dump_reader *r)
{
	char format[sizeof REGISTRY_DUMP_FORMAT];
	uint64_t version;

	if (text(r, "journal", format, sizeof format) < 0 ||
	    strcmp(format, REGISTRY_DUMP_FORMAT) != 0)
		return wrong(r, "this is no journal of policypool");
	if (number(r, "version", 0, UINT64_MAX, &version) < 0)
		return -1;
	if (version != REGISTRY_DUMP_VERSION)
		return wrong(r, "version %" PRIu64 "; version %d is known here", version,
			     REGISTRY_DUMP_VERSION);
	return number(r, "saved", 0, UINT64_MAX, &r->saved);
}

static int
read_policy(struct dump_reader *r)
{
	struct kept_policy *p = &r->policy[r->policies];

	if (r->policies == r->max_policies)
		return wrong(r, "more than max_policies, %u", r->max_policies);
	if (text(r, "policy", p->name, sizeof p->name) < 0 ||
	    number(r, "ticket", 0, UINT64_MAX, &p->ticket) < 0)
		return -1;
	r->policies++;
	return 0;
}

/* Key and epoch; an unsigned server has no such member. */
static int
owner(struct dump_reader *r, struct kept_server *k)
{
	if (json_text_find(&r->object, "key") == NULL)
		return 0;
	if (text(r, "key", k->keyid, sizeof k->keyid) < 0)
		return -1;
	return number(r, "epoch", 0, UINT64_MAX, &k->epoch);
}

/* False where it is not told: journals of before did not tell all of these. */
static int
perhaps(struct dump_reader *r, const char *key, bool *out)
{
	return json_text_find(&r->object, key) == NULL ? 0 : truth(r, key, out);
}

/* What is not told is at its default. */
static int
job(struct dump_reader *r, struct registry_server *s)
{
	bool repeat = true;
	uint64_t ms = 0;

	(void)strcpy(s->job, PACKET_JOB);
	if ((json_text_find(&r->object, "job") != NULL &&
	     text(r, "job", s->job, sizeof s->job) < 0) ||
	    (json_text_find(&r->object, "repeat") != NULL && truth(r, "repeat", &repeat) < 0) ||
	    (json_text_find(&r->object, "jobtimeout") != NULL &&
	     number(r, "jobtimeout", 1, JOB_TIMEOUT_MAX, &ms) < 0))
		return -1;
	s->once = !repeat;
	s->job_timeout = (uint32_t)ms;
	return 0;
}

static int
job_keys(struct dump_reader *r, char out[JOB_KEYS_MAX + 1])
{
	if (json_text_find(&r->object, "jobkeys") == NULL)
		return 0;
	if (text(r, "jobkeys", out, JOB_KEYS_MAX + 1) < 0)
		return -1;
	return job_keys_is(span_str(out)) ? 0 : wrong(r, "jobkeys are none");
}

/* What other proxies tell of it. */
static int
told(struct dump_reader *r, struct kept_server *k)
{
	if (perhaps(r, "told", &k->second) < 0 ||
	    (json_text_find(&r->object, "by") != NULL && text(r, "by", k->by, sizeof k->by) < 0))
		return -1;
	k->fades = k->second && json_text_find(&r->object, "fading") != NULL;
	return k->fades ? number(r, "fading", 0, UINT64_MAX, &k->fading) : 0;
}

static int
read_server(struct dump_reader *r)
{
	struct kept_server *k = &r->server[r->servers];
	struct registry_server *s = &k->is;

	if (r->policies == 0)
		return wrong(r, "a server before its policy");
	if (r->servers == r->max_servers)
		return wrong(r, "more than max_servers, %u", r->max_servers);
	*s = (struct registry_server){.used = true, .policy = r->policies - 1};
	if (text(r, "server", s->id, sizeof s->id) < 0 || address(r, &s->addr) < 0 ||
	    user(r, s) < 0 || truth(r, "pooled", &s->pooled) < 0 ||
	    perhaps(r, "tls", &s->tls) < 0 || admin(r, &s->admin) < 0 || job(r, s) < 0 ||
	    job_keys(r, k->job_keys) < 0 ||
	    short_number(r, "pipeline", s->pooled ? UINT16_MAX : 1, &s->pipeline) < 0 ||
	    short_number(r, "slots", UINT16_MAX, &s->slots) < 0 ||
	    short_number(r, "weight", 1000, &s->weight) < 0 ||
	    number(r, "age", 0, UINT64_MAX, &k->age) < 0 ||
	    number(r, "lease", 0, LEASE_MAX, &k->lease) < 0 ||
	    number(r, "remains", 0, k->lease, &k->remains) < 0 || owner(r, k) < 0)
		return -1;
	if (perhaps(r, "unproved", &s->unproved) < 0 || perhaps(r, "backup", &s->backup) < 0 ||
	    perhaps(r, "static", &s->configured) < 0 || told(r, k) < 0)
		return -1;
	k->was_ordered = json_text_find(&r->object, "ordered") != NULL;
	if (k->was_ordered && number(r, "ordered", 0, UINT64_MAX, &k->ordered) < 0)
		return -1;
	r->servers++;
	return 0;
}

static int
read_end(struct dump_reader *r, struct span line)
{
	char sum[DIGEST_HEX + 1], wanted[DIGEST_HEX + 1];
	uint64_t records;

	if (number(r, "end", 0, UINT64_MAX, &records) < 0 ||
	    text(r, "sha1", wanted, sizeof wanted) < 0)
		return -1;
	digest_sha1_hex(span_of(r->start, (size_t)(line.p - r->start)), sum);
	if (records != r->line - 1 || strcmp(sum, wanted) != 0)
		return wrong(r, "the checksum is not that of what stands above");
	r->ended = true;
	return 0;
}

static int
read_record(struct dump_reader *r, struct span line)
{
	size_t at;

	if (r->ended)
		return wrong(r, "something follows the end");
	if (json_text_scan(line, 2, &r->object, &at) != JSON_TEXT_OK)
		return wrong(r, "no JSON object");
	if (r->line == 1)
		return read_head(r);
	if (json_text_find(&r->object, "server") != NULL)
		return read_server(r);
	if (json_text_find(&r->object, "policy") != NULL)
		return read_policy(r);
	if (json_text_find(&r->object, "end") != NULL)
		return read_end(r, line);
	return wrong(r, "a record of an unknown kind");
}

/* ---- reading: the whole ---- */

static int
read_lines(struct dump_reader *r, struct span all)
{
	r->start = all.p;
	while (all.n > 0) {
		const char *nl = memchr(all.p, '\n', all.n);
		struct span line = span_of(all.p, nl != NULL ? (size_t)(nl - all.p) : all.n);
		r->line++;
		if (nl == NULL)
			return wrong(r, "it is cut here");
		if (read_record(r, line) < 0)
			return -1;
		all = span_of(nl + 1, all.n - line.n - 1);
	}
	if (r->line == 0)
		return wrong(r, "it is empty");
	return r->ended ? 0 : wrong(r, "it is cut after this");
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* NULL when no two are equal; otherwise one that stands twice.  Sorts. */
static const char *
twice(const char **names, size_t n)
{
	if (n > 1)
		qsort(names, n, sizeof *names, by_text);
	for (size_t i = 1; i < n; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			return names[i];
	return NULL;
}

static int
judge_names(struct dump_reader *r, const char **names)
{
	const char *found;

	for (unsigned i = 0; i < r->policies; i++)
		names[i] = r->policy[i].name;
	found = twice(names, r->policies);
	if (found == NULL) {
		for (unsigned i = 0; i < r->servers; i++)
			names[i] = r->server[i].is.id;
		found = twice(names, r->servers);
	}
	if (found == NULL)
		return 0;
	(void)snprintf(r->why, REGISTRY_DUMP_WHY, "%s stands there twice", found);
	return -1;
}

static unsigned
count_lines(struct span all)
{
	unsigned n = 0;

	for (size_t i = 0; i < all.n; i++)
		n += all.p[i] == '\n';
	return n;
}

static int
reader_judge(struct dump_reader *r, struct span all)
{
	unsigned lines = count_lines(all) + 1;
	const char **names = calloc(lines, sizeof *names);
	int rc;

	r->policy = calloc(lines, sizeof *r->policy);
	r->server = calloc(lines, sizeof *r->server);
	if (names == NULL || r->policy == NULL || r->server == NULL) {
		(void)snprintf(r->why, REGISTRY_DUMP_WHY, "out of memory");
		rc = -1;
	} else {
		rc = read_lines(r, all);
		if (rc == 0)
			rc = judge_names(r, names);
	}
	free(names);
	return rc;
}

uint64_t
registry_dump_saved(struct span all)
{
	const char *nl = all.n > 0 ? memchr(all.p, '\n', all.n) : NULL;
	char why[REGISTRY_DUMP_WHY];
	struct dump_reader r = {.why = why, .line = 1};
	size_t at;

	if (nl == NULL ||
	    json_text_scan(span_of(all.p, (size_t)(nl - all.p)), 2, &r.object, &at) != JSON_TEXT_OK)
		return 0;
	return read_head(&r) < 0 ? 0 : r.saved;
}

/* ---- putting it in force ---- */

static uint64_t
before(uint64_t now, uint64_t ms)
{
	return now > ms ? now - ms : 0;
}

static int
restore_server(struct registry *into, struct kept_server *k, enum registry_dump_origin origin,
	       uint64_t now, uint64_t written)
{
	uint64_t left = origin == REGISTRY_DUMP_FOUND ? k->lease : k->remains;
	struct registry_tenure t = {.joined = before(written, k->age),
				    .lease = k->lease,
				    .epoch = k->epoch,
				    .ordered = k->was_ordered ? before(written, k->ordered) : 0,
				    .lease_end = k->lease > 0 ? now + left : 0,
				    .second = k->second};

	/* Which proxies tell of it now is to be heard anew after an end. */
	if (origin == REGISTRY_DUMP_HANDED_OVER)
		memcpy(t.by, k->by, sizeof t.by);
	if (k->second && t.by[0] == '\0')
		t.fading = k->fades && origin == REGISTRY_DUMP_HANDED_OVER
				   ? before(written, k->fading)
				   : now;
	memcpy(t.keyid, k->keyid, sizeof t.keyid);
	memcpy(t.job_keys, k->job_keys, sizeof t.job_keys);
	k->is.unproved = k->is.unproved || origin == REGISTRY_DUMP_FOUND;
	return registry_restore_server(into, &k->is, &t);
}

static int
restore(struct registry *into, struct dump_reader *r, enum registry_dump_origin origin,
	uint64_t now, uint64_t written)
{
	int rc = registry_policy_end(into) > 0 ? -1 : 0;

	for (unsigned i = 0; rc == 0 && i < r->policies; i++)
		rc = registry_restore_policy(into, r->policy[i].name, r->policy[i].ticket) < 0 ? -1
											       : 0;
	for (unsigned i = 0; rc == 0 && i < r->servers; i++)
		rc = restore_server(into, &r->server[i], origin, now, written);
	if (rc < 0)
		(void)snprintf(r->why, REGISTRY_DUMP_WHY, "the registry is not empty");
	return rc;
}

int
registry_dump_read(struct registry *into, struct span all, enum registry_dump_origin origin,
		   uint64_t now, uint64_t ago, uint64_t *saved, char why[REGISTRY_DUMP_WHY])
{
	struct dump_reader *r = calloc(1, sizeof *r);
	int rc;

	*saved = 0;
	if (r == NULL) {
		(void)snprintf(why, REGISTRY_DUMP_WHY, "out of memory");
		return -1;
	}
	r->max_policies = registry_max_policies(into);
	r->max_servers = registry_max_servers(into);
	r->why = why;
	rc = reader_judge(r, all);
	*saved = r->saved;
	if (rc == 0)
		rc = restore(into, r, origin, now, before(now, ago));
	free(r->policy);
	free(r->server);
	free(r);
	return rc;
}
