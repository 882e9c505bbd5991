/* store_msg.c - see store_msg.h. */
#include "store_msg.h"

#include <errno.h>
#include <string.h>

/* Followed by key and value, or by the state.  No gaps: no byte is left to chance. */
struct head {
	uint32_t kind;
	uint32_t revoke; /* 0 or 1 */
	uint32_t key_n, value_n;
	uint64_t create_rev, mod_rev;
};

const char *
store_phase_text(enum store_phase phase)
{
#define STORE_PHASE_TEXT(name, text) text,
	static const char *const texts[] = {STORE_PHASES(STORE_PHASE_TEXT)};
#undef STORE_PHASE_TEXT

	return texts[phase];
}

int
store_percent(struct buf *out, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "-._~";
	int rc = 0;

	for (const char *p = text; *p != '\0' && rc == 0; p++)
		rc = strchr(plain, *p) != NULL ? buf_append(out, p, 1)
					       : buf_printf(out, "%%%02X", (unsigned char)*p);
	return rc;
}

static bool
has_key(enum store_msg_kind kind)
{
	return kind == STORE_MSG_KEEP || kind == STORE_MSG_DROP || kind == STORE_MSG_ROW ||
	       kind == STORE_MSG_DELETED;
}

static bool
has_value(enum store_msg_kind kind)
{
	return kind == STORE_MSG_KEEP || kind == STORE_MSG_DROP || kind == STORE_MSG_ROW ||
	       kind == STORE_MSG_CLASH;
}

/* CLASH has texts of strangers, either of which may be missing. */
static bool
lengths_fit(enum store_msg_kind kind, size_t key_n, size_t value_n)
{
	if (key_n > STORE_KEY_MAX || value_n > STORE_VALUE_MAX || (has_key(kind) && key_n == 0) ||
	    (key_n > 0 && !has_key(kind) && kind != STORE_MSG_CLASH))
		return false;
	return has_value(kind) ? kind != STORE_MSG_KEEP || value_n > 0 : value_n == 0;
}

int
store_msg_put(struct buf *out, const struct store_msg *m)
{
	struct head h;
	size_t state_n = m->kind == STORE_MSG_STATE ? sizeof m->state : 0;
	size_t before = buf_len(out);

	if (!lengths_fit(m->kind, m->key.n, m->value.n)) {
		errno = EMSGSIZE;
		return -1;
	}
	h = (struct head){.kind = (uint32_t)m->kind,
			  .revoke = m->revoke,
			  .key_n = (uint32_t)m->key.n,
			  .value_n = (uint32_t)m->value.n,
			  .create_rev = m->create_rev,
			  .mod_rev = m->mod_rev};
	if (buf_append(out, &h, sizeof h) == 0 && buf_append_span(out, m->key) == 0 &&
	    buf_append_span(out, m->value) == 0 && buf_append(out, &m->state, state_n) == 0)
		return 0;
	buf_truncate(out, before);
	return -1;
}

static bool
is_text(const char text[STORE_STATE_TEXT])
{
	const char *end = memchr(text, '\0', STORE_STATE_TEXT);

	for (const char *p = text; end != NULL && p < end; p++)
		if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
			return false;
	return end != NULL;
}

static bool
state_is_sound(const struct store_state *s)
{
	return s->phase < STORE_PHASE_COUNT && s->claimed <= 1 && is_text(s->endpoint) &&
	       is_text(s->error);
}

int
store_msg_get(struct span message, struct store_msg *out)
{
	struct head h;
	size_t state_n;

	if (message.n < sizeof h)
		return -1;
	memcpy(&h, message.p, sizeof h);
	if (h.kind < STORE_MSG_KEEP || h.kind >= STORE_MSG_BEYOND || h.revoke > 1 ||
	    !lengths_fit((enum store_msg_kind)h.kind, h.key_n, h.value_n))
		return -1;
	state_n = h.kind == STORE_MSG_STATE ? sizeof out->state : 0;
	if (message.n != sizeof h + h.key_n + h.value_n + state_n)
		return -1;
	*out = (struct store_msg){.kind = (enum store_msg_kind)h.kind,
				  .key = span_of(message.p + sizeof h, h.key_n),
				  .value = span_of(message.p + sizeof h + h.key_n, h.value_n),
				  .create_rev = h.create_rev,
				  .mod_rev = h.mod_rev,
				  .revoke = h.revoke == 1};
	if (state_n == 0)
		return 0;
	memcpy(&out->state, message.p + sizeof h, state_n);
	return state_is_sound(&out->state) ? 0 : -1;
}
