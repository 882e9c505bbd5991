/* The messages between a proxy's master and its store process. */
#include "store_msg.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "channel.h"

static struct buf out = BUF_INIT;

static struct span
put(const struct store_msg *m)
{
	buf_clear(&out);
	cr_assert_eq(store_msg_put(&out, m), 0);
	return buf_span(&out);
}

static const struct store_msg row = {.kind = STORE_MSG_ROW,
				     .key = {"servers/100", 11},
				     .value = {"{\"id\":\"100\"}", 12},
				     .create_rev = 7,
				     .mod_rev = UINT64_MAX};

Test(store_msg, what_is_put_is_what_is_read)
{
	struct store_msg m;

	cr_assert_eq(store_msg_get(put(&row), &m), 0);
	cr_assert_eq(m.kind, STORE_MSG_ROW);
	cr_assert(span_eq_str(m.key, "servers/100"));
	cr_assert(span_eq_str(m.value, "{\"id\":\"100\"}"));
	cr_assert_eq(m.create_rev, 7);
	cr_assert_eq(m.mod_rev, UINT64_MAX);
}

Test(store_msg, the_longest_ones_fit_into_a_channel)
{
	static char key[STORE_KEY_MAX], value[STORE_VALUE_MAX];
	struct store_msg m = {
		.kind = STORE_MSG_KEEP, .key = {key, sizeof key}, .value = {value, sizeof value}};

	cr_assert_leq(put(&m).n, CHANNEL_MAX);
	cr_assert_eq(store_msg_get(buf_span(&out), &m), 0);
	m = (struct store_msg){.kind = STORE_MSG_STATE};
	cr_assert_leq(put(&m).n, CHANNEL_MAX);
	cr_assert_eq(store_msg_get(buf_span(&out), &m), 0);
}

Test(store_msg, texts_that_are_too_long_are_not_put)
{
	static char text[STORE_VALUE_MAX + 1];
	struct store_msg m = {
		.kind = STORE_MSG_KEEP, .key = {text, STORE_KEY_MAX + 1}, .value = {"v", 1}};

	cr_assert_eq(store_msg_put(&out, &m), -1);
	cr_assert_eq(errno, EMSGSIZE);
	m.key.n = 0;
	cr_assert_eq(store_msg_put(&out, &m), -1);
	m.key.n = 1;
	m.value = span_of(text, sizeof text);
	cr_assert_eq(store_msg_put(&out, &m), -1);
	m.value.n = 0; /* a row without a value can't be kept; one without can be dropped */
	cr_assert_eq(store_msg_put(&out, &m), -1);
	m.kind = STORE_MSG_DROP;
	cr_assert_eq(store_msg_put(&out, &m), 0);
}

Test(store_msg, a_message_that_is_cut_or_longer_is_none)
{
	struct store_msg m;
	struct span whole = put(&row);

	for (size_t n = 0; n < whole.n; n++)
		cr_assert_eq(store_msg_get(span_of(whole.p, n), &m), -1, "%zu", n);
	cr_assert_eq(buf_append(&out, "", 1), 0);
	cr_assert_eq(store_msg_get(buf_span(&out), &m), -1);
}

Test(store_msg, a_key_where_none_belongs_is_refused)
{
	struct store_msg m = {.kind = STORE_MSG_RESET, .key = {"k", 1}};

	cr_assert_eq(store_msg_put(&out, &m), -1);
	m = (struct store_msg){.kind = STORE_MSG_SYNCED, .value = {"v", 1}};
	cr_assert_eq(store_msg_put(&out, &m), -1);
	m = (struct store_msg){.kind = STORE_MSG_CLASH, .key = {"b", 1}, .value = {"a", 1}};
	cr_assert_eq(store_msg_put(&out, &m), 0);
}

Test(store_msg, a_state_is_judged)
{
	struct store_msg m = {.kind = STORE_MSG_STATE,
			      .state = {.phase = STORE_SYNCED,
					.claimed = 1,
					.endpoint = "http://127.0.0.1:2379",
					.error = "no leader",
					.revision = 12}},
			 got;

	cr_assert_eq(store_msg_get(put(&m), &got), 0);
	cr_assert_str_eq(got.state.endpoint, "http://127.0.0.1:2379");
	cr_assert_eq(got.state.revision, 12);
	m.state.phase = STORE_PHASE_COUNT;
	cr_assert_eq(store_msg_get(put(&m), &got), -1);
	m.state.phase = STORE_SYNCED;
	m.state.claimed = 2;
	cr_assert_eq(store_msg_get(put(&m), &got), -1);
	m.state.claimed = 0;
	memset(m.state.error, 'x', sizeof m.state.error);
	cr_assert_eq(store_msg_get(put(&m), &got), -1);
	m.state.error[0] = '\n';
	m.state.error[1] = '\0';
	cr_assert_eq(store_msg_get(put(&m), &got), -1);
}

Test(store_msg, no_bytes_of_a_stranger_are_read_out_of_bounds)
{
	char *bytes;
	struct store_msg m;
	unsigned seed = 1, taken = 0;

	for (int i = 0; i < 20000; i++) {
		struct span whole = put(&row);
		bytes = malloc(whole.n); /* exactly as long: checkers see what is read behind it */
		cr_assert_not_null(bytes);
		memcpy(bytes, whole.p, whole.n);
		seed = seed * 1103515245U + 12345U;
		bytes[(seed >> 8) % whole.n] = (char)(seed >> 24);
		if (store_msg_get(span_of(bytes, whole.n), &m) == 0) {
			taken++;
			cr_assert_leq(m.key.n, STORE_KEY_MAX);
			cr_assert(m.key.p >= bytes && m.value.p + m.value.n <= bytes + whole.n);
		}
		free(bytes);
	}
	cr_assert_gt(taken, 0);
}

Test(store_msg, each_phase_has_its_word)
{
	cr_assert_str_eq(store_phase_text(STORE_SYNCED), "synced");
	cr_assert_str_eq(store_phase_text(STORE_CONNECTING), "connecting");
}
