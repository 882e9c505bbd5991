/* Announcements of strangers never change the pool, whatever they are and in whatever order they
 * come among those of a server that signs.
 *
 * The input is lines.  One that begins with ! is an announcement that is signed, by a key that may,
 * for the challenge that stands, before it is handed over; any other is handed over as it is.  ~ is
 * another connection, + the time that passes. */
#include "registration.h"
#include "fuzz.h"
#include "log.h"
#include "signature.h"

static const char ring[] =
	"key alpha\nsecret use 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
	"policies 1*\nids a*\nnetworks 192.0.2.0/24 unix:uid=1000\ncount 2\n"
	"key beta\nsecret remove 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";

static struct registration join;
static struct registration_peer guest;
static uint8_t secret[SIGNATURE_SECRET_MIN];

static void
open_once(void)
{
	static const struct log_options quiet = {.program = "fuzz", .target = "/dev/null"};

	HOLDS(log_open(&quiet) == 0);
	join.keyring = keyring_parse("ring", span_str(ring), stderr);
	HOLDS(join.keyring != NULL);
	join.proxy_id = "proxy";
	join.cluster = "pool";
	HOLDS(addr_numeric(&join.self[0], "192.0.2.1", 2100) == 0);
	join.selves = 1;
	for (unsigned i = 0; i < sizeof secret; i++)
		secret[i] = (uint8_t)i;
}

static unsigned
servers(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < registry_server_end(join.registry); i++) {
		if (!registry_server(join.registry, i)->used)
			continue;
		HOLDS(strcmp(registry_tenure_of(join.registry, i)->keyid, "alpha") == 0);
		HOLDS(registry_server(join.registry, i)->id[0] == 'a');
		HOLDS(addr_is_whole(&registry_server(join.registry, i)->addr));
		n++;
	}
	return n;
}

static void
hand_over(struct span text, uint64_t now, bool may)
{
	struct buf answer = BUF_INIT;
	static struct packet p;
	struct packet_fault fault;
	uint32_t before = registry_generation(join.registry);
	bool changed = registration_handle(&join, text, &guest, now, &answer) ==
		       REGISTRATION_CHANGED;

	HOLDS(may || (!changed && registry_generation(join.registry) == before));
	HOLDS(servers() <= 2);
	if (buf_len(&answer) > 0) {
		HOLDS(answer.base[answer.tail - 1] == '\n');
		HOLDS(packet_parse(&p, span_of(answer.base + answer.head, buf_len(&answer) - 1),
				   &fault) == 0);
	}
	buf_release(&answer);
}

/* As the server of that id would, if it is one of the key's. */
static void
sign_and_hand_over(struct span text, uint64_t now)
{
	struct packet_announcement a;
	struct packet_fault fault;
	static struct packet p;
	struct buf out = BUF_INIT;
	uint8_t key[DIGEST_MAC];

	if (packet_parse(&p, text, &fault) < 0 ||
	    (p.type != PACKET_REGISTER && p.type != PACKET_DEREGISTER) ||
	    packet_announced(&p, &a, &fault) < 0)
		return;
	if (p.type == PACKET_DEREGISTER) { /* which says no more than this */
		struct packet_announcement leave = {.ack = a.ack, .sign = a.sign};
		memcpy(leave.id, a.id, sizeof leave.id);
		memcpy(leave.policy, a.policy, sizeof leave.policy);
		a = leave;
	}
	(void)snprintf(a.sign.keyid, sizeof a.sign.keyid, "alpha");
	signature_server_key(span_of((const char *)secret, sizeof secret), "alpha", a.id, key);
	HOLDS(signature_of_request(key, "pool", p.type, &a, guest.nonce, a.sign.mac) == 0);
	HOLDS((p.type == PACKET_REGISTER ? packet_register : packet_deregister)(&out, &a) == 0);
	hand_over(buf_span(&out), now, true);
	buf_release(&out);
}

/* Of the key's network and of another, of the user that it is for and of another. */
static void
new_connection(unsigned n)
{
	const struct addr_peer_creds user = {.uid = n % 4 == 2 ? 1000 : 1001, .gid = 1000};
	struct addr from;

	guest = (struct registration_peer){.proven = false};
	HOLDS(addr_numeric(&from, n % 4 == 0 ? "192.0.2.7" : "198.51.100.7", 4000) == 0);
	addr_peer_of(&guest.peer, &from);
	if (n % 4 > 1)
		addr_peer_of_user(&guest.peer, &user);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = fuzz_span(data, size);
	uint64_t now = 1000;

	if (join.keyring == NULL)
		open_once();
	join.registry = registry_new(4, 4);
	join.tally = server_stats_new(1, 4);
	HOLDS(join.registry != NULL && join.tally != NULL);
	new_connection(0);
	while (rest.n > 0) {
		struct span line = fuzz_line(&rest);
		if (line.n > 0 && line.p[0] == '!')
			sign_and_hand_over(span_of(line.p + 1, line.n - 1), now);
		else if (line.n > 0 && line.p[0] == '~')
			new_connection((unsigned)line.n);
		else if (line.n > 0 && line.p[0] == '+')
			(void)registration_expire(&join, now += 1000 * line.n);
		else
			hand_over(line, now, false);
	}
	counters_free(join.tally);
	registry_free(join.registry);
	return 0;
}
