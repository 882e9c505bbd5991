/* registry_dump_write.c - the registry -> bytes; see registry_dump.h. */
#include "registry_dump.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "json_text.h"

static int
write_policy(struct buf *out, const struct registry *r, unsigned policy)
{
	if (buf_append_str(out, "{\"policy\":") < 0 ||
	    json_text_quote(out, span_str(registry_policy(r, policy)->name)) < 0)
		return -1;
	return buf_printf(out, ",\"ticket\":%" PRIu64 "}\n", registry_turn_next(r, policy));
}

static uint64_t
until(uint64_t end, uint64_t now)
{
	return end > now ? end - now : 0;
}

static int
write_owner(struct buf *out, const struct registry *r, unsigned i)
{
	if (buf_append_str(out, ",\"key\":") < 0 ||
	    json_text_quote(out, span_str(registry_tenure_of(r, i)->keyid)) < 0)
		return -1;
	return buf_printf(out, ",\"epoch\":%" PRIu64, registry_tenure_of(r, i)->epoch);
}

/* What other proxies tell of it: for how long none does, and which one does. */
static int
write_told(struct buf *out, const struct registry_tenure *t, uint64_t now)
{
	if (t->by[0] != '\0' &&
	    (buf_append_str(out, ",\"by\":") < 0 || json_text_quote(out, span_str(t->by)) < 0))
		return -1;
	if (!t->second)
		return 0;
	if (t->fading == 0)
		return buf_append_str(out, ",\"told\":true");
	return buf_printf(out, ",\"told\":true,\"fading\":%" PRIu64, until(now, t->fading));
}

/* Only what is not at its default. */
static int
write_job(struct buf *out, const struct registry_server *s, const char *keys)
{
	if (strcmp(s->job, PACKET_JOB) != 0 &&
	    (buf_append_str(out, ",\"job\":") < 0 || json_text_quote(out, span_str(s->job)) < 0))
		return -1;
	if (s->once && buf_append_str(out, ",\"repeat\":false") < 0)
		return -1;
	if (keys[0] != '\0' && buf_printf(out, ",\"jobkeys\":\"%s\"", keys) < 0)
		return -1;
	return s->job_timeout == 0 ? 0 : buf_printf(out, ",\"jobtimeout\":%u", s->job_timeout);
}

static int
write_server(struct buf *out, const struct registry *r, unsigned i, uint64_t now)
{
	const struct registry_server *s = registry_server(r, i);
	char addr[ADDR_TEXT];

	if (buf_append_str(out, "{\"server\":") < 0 || json_text_quote(out, span_str(s->id)) < 0)
		return -1;
	if (registry_tenure_of(r, i)->keyid[0] != '\0' && write_owner(out, r, i) < 0)
		return -1;
	if ((s->unproved && buf_append_str(out, ",\"unproved\":true") < 0) ||
	    (s->backup && buf_append_str(out, ",\"backup\":true") < 0) ||
	    (s->configured && buf_append_str(out, ",\"static\":true") < 0))
		return -1;
	if (write_job(out, s, registry_tenure_of(r, i)->job_keys) < 0 ||
	    (s->user != 0 && buf_printf(out, ",\"user\":%u", s->user) < 0) ||
	    write_told(out, registry_tenure_of(r, i), now) < 0)
		return -1;
	if (registry_tenure_of(r, i)->ordered > 0 &&
	    buf_printf(out, ",\"ordered\":%" PRIu64,
		       until(now, registry_tenure_of(r, i)->ordered)) < 0)
		return -1;
	return buf_printf(
		out,
		",\"addr\":\"%s\",\"pooled\":%s,\"tls\":%s,\"pipeline\":%u,\"slots\":%u,"
		"\"weight\":%u,\"admin\":\"%s\",\"age\":%" PRIu64 ",\"lease\":%" PRIu64
		",\"remains\":%" PRIu64 "}\n",
		addr_text(&s->addr, addr), s->pooled ? "true" : "false", s->tls ? "true" : "false",
		s->pipeline, s->slots, s->weight, registry_admin_text(s->admin),
		until(now, registry_tenure_of(r, i)->joined), registry_tenure_of(r, i)->lease,
		until(registry_tenure_of(r, i)->lease_end, now));
}

/* A policy and its servers, which begin at index[*at] in a list of n. */
static int
write_pool(struct buf *out, const struct registry *r, unsigned policy, const unsigned *index,
	   unsigned n, unsigned *at, uint64_t now)
{
	if (write_policy(out, r, policy) < 0)
		return -1;
	for (; *at < n && registry_server(r, index[*at])->policy == policy; ++*at)
		if (write_server(out, r, index[*at], now) < 0)
			return -1;
	return 0;
}

static int
write_pools(struct buf *out, const struct registry *r, uint64_t now, unsigned *records)
{
	unsigned *index = calloc(registry_server_end(r) + 1, sizeof *index), n, at = 0;
	int rc = index == NULL ? -1 : 0;

	n = index == NULL ? 0 : registry_list(r, index);
	for (unsigned i = 0; rc == 0 && i < registry_policy_end(r); i++) {
		if (!registry_policy(r, i)->used)
			continue;
		rc = write_pool(out, r, i, index, n, &at, now);
		++*records;
	}
	*records += at;
	free(index);
	return rc;
}

int
registry_dump_write(struct buf *out, const struct registry *r, uint64_t now, uint64_t wall)
{
	struct buf text = BUF_INIT;
	char sum[DIGEST_HEX + 1];
	unsigned records = 1;
	int rc = -1;

	if (buf_printf(&text, "{\"journal\":\"%s\",\"version\":%d,\"saved\":%" PRIu64 "}\n",
		       REGISTRY_DUMP_FORMAT, REGISTRY_DUMP_VERSION, wall) == 0 &&
	    write_pools(&text, r, now, &records) == 0) {
		digest_sha1_hex(buf_span(&text), sum);
		if (buf_printf(&text, "{\"end\":%u,\"sha1\":\"%s\"}\n", records, sum) == 0)
			rc = buf_append_span(out, buf_span(&text));
	}
	buf_release(&text);
	if (rc < 0)
		errno = ENOMEM;
	return rc;
}
