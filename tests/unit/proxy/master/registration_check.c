/* registration_check: each judgement by itself, before anything is carried out. */
#include "registration_internal.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "peer_fixture.h"

#define SECRET "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define DENIED "this registration is not accepted"

static struct registration j;
static struct registration_peer guest;
static struct registration_handling h;
static struct addr_net nets[2];
static struct addr at;
static enum server_life life;
static unsigned asked; /* of the life */

static void
parse(struct addr *out, const char *host, uint16_t port)
{
	cr_assert_eq(addr_numeric(out, host, port), 0);
}

static enum server_life
life_of(unsigned server, void *ctx)
{
	cr_assert(server == 0 && ctx == &asked);
	asked++;
	return life;
}

static void
open_judge(void)
{
	const char *why;

	cr_assert_eq(addr_net_parse(&nets[0], "127.0.0.0/8", &why), 0);
	cr_assert_eq(addr_net_parse(&nets[1], "10.1.0.0/16", &why), 0);
	j = (struct registration){.registry = registry_new(4, 4),
				  .trusted = nets,
				  .trusted_n = 2,
				  .life = life_of,
				  .ctx = &asked};
	cr_assert_not_null(j.registry);
	parse(&j.self[0], "127.0.0.1", 2100);
	j.selves = 1;
	guest.peer = peer_at("127.0.0.1", 40000);
	h = (struct registration_handling){.j = &j,
					   .guest = &guest,
					   .p = {.type = PACKET_REGISTER},
					   .a = {.id = "9", .policy = "1", .port = 5, .lease = 10}};
}

static void
close_judge(void)
{
	registry_free(j.registry);
}

TestSuite(join_judge, .init = open_judge, .fini = close_judge);

/* It was: the peer is told the one, the log the other (NULL: the same). */
static void
refused(int rc, enum packet_code code, const char *told, const char *truth)
{
	cr_assert_eq(rc, -1);
	cr_assert_eq(h.fault.code, code, "%s", packet_code_text(h.fault.code));
	cr_assert_not(h.fault.lost);
	cr_assert_str_eq(h.fault.why, told);
	if (truth == NULL) {
		cr_assert_null(h.truth);
	} else {
		cr_assert_not_null(h.truth);
		cr_assert_str_eq(h.truth, truth);
	}
}

Test(join_judge, a_refusal_has_code_and_words)
{
	refused(registration_refuse(&h, PACKET_OVERLOADED, "later"), PACKET_OVERLOADED, "later",
		NULL);
}

Test(join_judge, unsigned_it_comes_from_a_trusted_network)
{
	cr_assert_eq(registration_check_unsigned(&h), 0);
	guest.peer = peer_at("10.1.2.3", 40000);
	cr_assert_eq(registration_check_unsigned(&h), 0);
	guest.peer = peer_at("10.2.2.3", 40000);
	refused(registration_check_unsigned(&h), PACKET_DENIED, DENIED,
		"it is not signed, nor from a trusted network");
	guest.peer = peer_at("127.0.0.1", 40000);
	j.require_signature = true;
	refused(registration_check_unsigned(&h), PACKET_DENIED, DENIED, "it is not signed");
}

Test(join_judge, a_policy_has_one_job)
{
	struct policy_conf own = {.job = (char[]){"sha256"}};
	struct proxy_conf conf = {.policy.job = (char[]){""}};
	struct packet_announcement other = {.id = "7", .policy = "1", .port = 5};
	struct addr where;

	parse(&where, "127.0.0.1", 5);
	(void)strcpy(h.a.job, "redact");
	cr_assert_eq(registration_check_job(&h), 0, "it is the first");
	cr_assert_eq(registry_join(j.registry, &other, &where, 1000), REGISTRY_JOINED);
	refused(registration_check_job(&h), PACKET_DENIED,
		"its job is redact: the job of policy 1 is sha1, as of server 7", NULL);
	(void)strcpy(h.a.policy, "2");
	cr_assert_eq(registration_check_job(&h), 0);
	(void)strcpy(h.a.policy, "1");
	(void)strcpy(h.a.id, "7");
	cr_assert_eq(registration_check_job(&h), 0, "it is its own");
	(void)strcpy(h.a.id, "9");
	cr_assert(registry_leave(j.registry, "7", "1"));
	cr_assert_eq(registration_check_job(&h), 0, "free again");
	j.conf = &conf;
	cr_assert_eq(registration_check_job(&h), 0, "none is set");
	conf.policy = own;
	refused(registration_check_job(&h), PACKET_DENIED,
		"its job is redact: job is set to sha256 for policy 1", NULL);
	h.a.job[0] = '\0';
	refused(registration_check_job(&h), PACKET_DENIED,
		"its job is sha1: job is set to sha256 for policy 1", NULL);
	(void)strcpy(h.a.job, "sha256");
	cr_assert_eq(registration_check_job(&h), 0);
}

#define NEW   "2026=0123456789abcdef"
#define OLD   "2025=fedcba9876543210"
#define OTHER "2026=0123456789abcdee"

static void
announces(const char *id, const char *keys)
{
	(void)snprintf(h.a.id, sizeof h.a.id, "%s", id);
	(void)snprintf(h.a.jobkeys, sizeof h.a.jobkeys, "%s", keys);
}

/* As in the policy's first server, 7, with those keys. */
static void
has_keys(const char *keys)
{
	(void)registry_set_job_keys(j.registry, (unsigned)registry_find(j.registry, "7"), keys);
}

Test(join_judge, keys_of_one_name_are_the_same_in_a_policy)
{
	struct packet_announcement other = {.id = "7", .policy = "1", .port = 5};
	struct addr where;

	parse(&where, "127.0.0.1", 5);
	announces("9", NEW);
	cr_assert_eq(registration_check_job_keys(&h), 0, "it is the first");
	cr_assert_eq(registry_join(j.registry, &other, &where, 1000), REGISTRY_JOINED);
	cr_assert_eq(registration_check_job_keys(&h), 0, "the other tells of none");
	has_keys(OTHER);
	refused(registration_check_job_keys(&h), PACKET_DENIED,
		"server 9's key 2026 is not that of server 7: their secret or pseudonym_domain "
		"differs",
		NULL);
	announces("9", OLD);
	refused(registration_check_job_keys(&h), PACKET_DENIED,
		"server 9 has no key in common with server 7: a new key is to be installed on all "
		"before one uses it",
		NULL);
	announces("9", "");
	cr_assert_eq(registration_check_job_keys(&h), 0, "it tells of none");
	announces("7", OLD);
	cr_assert_eq(registration_check_job_keys(&h), 0, "they are its own");
	announces("9", NEW);
	(void)strcpy(h.a.policy, "2");
	cr_assert_eq(registration_check_job_keys(&h), 0, "another policy");
}

/* One of two servers is a step ahead of the other. */
Test(join_judge, keys_are_rotated_one_server_after_another)
{
	static const char *const step[] = {OLD, OLD "," NEW, NEW "," OLD, NEW};
	struct packet_announcement other = {.id = "7", .policy = "1", .port = 5};
	struct addr where;

	parse(&where, "127.0.0.1", 5);
	cr_assert_eq(registry_join(j.registry, &other, &where, 1000), REGISTRY_JOINED);
	for (size_t i = 0; i + 1 < sizeof step / sizeof *step; i++) {
		has_keys(step[i]);
		announces("9", step[i + 1]);
		cr_assert_eq(registration_check_job_keys(&h), 0, "step %zu", i);
		has_keys(step[i + 1]);
		announces("9", step[i]);
		cr_assert_eq(registration_check_job_keys(&h), 0, "step %zu, the other", i);
	}
}

Test(join_judge, the_longest_names_of_jobs_are_told_as_far_as_there_is_room)
{
	struct packet_announcement other = {.port = 5};
	struct addr where;

	parse(&where, "127.0.0.1", 5);
	memset(other.id, 'i', PACKET_ID_MAX);
	memset(other.policy, 'p', PACKET_ID_MAX);
	memset(other.job, 'a', PACKET_ID_MAX);
	memset(h.a.policy, 'p', PACKET_ID_MAX);
	memset(h.a.job, 'b', PACKET_ID_MAX);
	cr_assert_eq(registry_join(j.registry, &other, &where, 1000), REGISTRY_JOINED);
	cr_assert_eq(registration_check_job(&h), -1);
	cr_assert_eq(strlen(h.fault.why), sizeof h.fault.why - 1);
	cr_assert_not_null(strstr(h.fault.why, h.a.job));
}

static void
registered(const char *host, unsigned lease, const char *keyid)
{
	struct packet_announcement other = h.a;
	struct addr where;

	other.lease = lease;
	parse(&where, host, 5);
	cr_assert_eq(registry_join(j.registry, &other, &where, 1000), REGISTRY_JOINED);
	if (keyid != NULL)
		registry_own(j.registry, 0, keyid, 100, false);
}

Test(join_judge, unsigned_it_takes_no_id_of_a_key)
{
	registered("127.0.0.1", 10, "alpha");
	refused(registration_check_unsigned(&h), PACKET_DENIED, DENIED, "the id belongs to a key");
}

Test(join_judge, rights_are_asked_of_who_signs_alone)
{
	static const char ring[] = "key alpha\nsecret use " SECRET "\npolicies 2\n";
	struct keyring *keyring = keyring_parse("ring", span_str(ring), stderr);

	parse(&at, "127.0.0.1", 5);
	j.keyring = keyring;
	cr_assert_eq(registration_check_rights(&h, &at), 0);
	(void)strcpy(h.a.sign.keyid, "alpha");
	refused(registration_check_rights(&h, &at), PACKET_DENIED, DENIED,
		"the key is not for this policy");
	(void)strcpy(h.a.policy, "2");
	h.truth = NULL;
	cr_assert_eq(registration_check_rights(&h, &at), 0);
	keyring_free(keyring);
}

Test(join_judge, a_signature_that_is_none_is_denied_and_the_log_knows_why)
{
	(void)strcpy(h.a.sign.keyid, "alpha");
	refused(registration_check_signature(&h), PACKET_DENIED, DENIED,
		"it answers no challenge of this connection");
}

/* ---- where it is ---- */

static int
place(const char *host)
{
	(void)snprintf(h.a.host, sizeof h.a.host, "%s", host);
	h.truth = NULL;
	return registration_check_place(&h, &at);
}

static const char *
text(void)
{
	static char out[ADDR_TEXT];

	return addr_text(&at, out);
}

Test(join_judge, it_is_where_it_says_or_else_where_it_comes_from)
{
	cr_assert_eq(place(""), 0);
	cr_assert_str_eq(text(), "127.0.0.1:5");
	cr_assert_eq(place("127.0.0.9"), 0);
	cr_assert_str_eq(text(), "127.0.0.9:5");
	refused(place("host.test"), PACKET_BAD_MESSAGE,
		"host must be a numeric address or a Unix socket", NULL);
}

Test(join_judge, it_is_not_where_nobody_can_be)
{
	refused(place("0.0.0.0"), PACKET_DENIED, DENIED, "nobody can be at the announced address");
	guest.peer = peer_at("10.1.2.3", 40000);
	refused(place("127.0.0.1"), PACKET_DENIED, DENIED,
		"a loopback address, announced from elsewhere");
}

Test(join_judge, it_is_at_none_of_the_proxys_own_addresses)
{
	h.a.port = 2100;
	refused(place(""), PACKET_DENIED, DENIED, "the announced address is the proxy's own");
	cr_assert_eq(place("127.0.0.9"), 0);
	parse(&j.self[j.selves++], "127.0.0.9", 2100);
	refused(place("127.0.0.9"), PACKET_DENIED, DENIED,
		"the announced address is the proxy's own");
}

Test(join_judge, at_an_address_of_the_networks_own_services_it_must_be_trusted_or_signed)
{
	const char *why;

	refused(place("169.254.169.254"), PACKET_DENIED, DENIED,
		"an address of the network's own services, and not in trusted_networks");
	(void)strcpy(h.a.sign.keyid, "alpha");
	cr_assert_eq(place("169.254.169.254"), 0);
	h.a.sign.keyid[0] = '\0';
	cr_assert_eq(addr_net_parse(&nets[1], "169.254.0.0/16", &why), 0);
	cr_assert_eq(place("169.254.169.254"), 0);
}

Test(join_judge, at_a_unix_socket_whose_it_is_must_be_known_or_signed)
{
	refused(place("unix:/run/x"), PACKET_DENIED, DENIED,
		"a Unix socket, announced unsigned and not over one: whose it is is not known");
	(void)strcpy(h.a.sign.keyid, "alpha");
	cr_assert_eq(place("unix:/run/x"), 0);
	cr_assert_str_eq(text(), "unix:/run/x");
	guest.peer = peer_at("10.1.2.3", 4000);
	refused(place("unix:/run/x"), PACKET_DENIED, DENIED,
		"a loopback address, announced from elsewhere");
	h.a.sign.keyid[0] = '\0';
	guest.peer = peer_user(1000, 100);
	cr_assert_eq(place("unix:/run/x"), 0);
	cr_assert_eq(place("unix:@x"), 0);
	cr_assert_str_eq(text(), "unix:@x");
}

Test(join_judge, users_are_trusted_as_networks_are)
{
	const char *why;

	guest.peer = peer_user(1000, 100);
	refused(registration_check_unsigned(&h), PACKET_DENIED, DENIED,
		"it is not signed, nor from a trusted network");
	cr_assert_eq(addr_net_parse(&nets[1], "unix:uid=1000", &why), 0);
	cr_assert_eq(registration_check_unsigned(&h), 0);
	guest.peer = peer_user(1001, 100);
	h.truth = NULL;
	refused(registration_check_unsigned(&h), PACKET_DENIED, DENIED,
		"it is not signed, nor from a trusted network");
	cr_assert_eq(addr_net_parse(&nets[1], "unix:gid=100", &why), 0);
	cr_assert_eq(registration_check_unsigned(&h), 0);
}

Test(join_judge, it_is_spoken_to_in_tls_or_not)
{
	cr_assert_eq(registration_check_tls(&h), 0);
	h.a.tls = true;
	refused(registration_check_tls(&h), PACKET_DENIED,
		"it announces TLS, and this proxy has no server_ca to verify it by", NULL);
	j.tls_known = j.tls_required = true;
	cr_assert_eq(registration_check_tls(&h), 0);
	h.a.tls = false;
	refused(registration_check_tls(&h), PACKET_DENIED,
		"it does not announce TLS, which is required here", NULL);
}

/* ---- another one with that id ---- */

Test(join_judge, a_rival_is_the_same_id_at_another_place)
{
	parse(&at, "127.0.0.1", 5);
	cr_assert_null(registration_rival(&h, &at));
	registered("127.0.0.1", 10, NULL);
	cr_assert_null(registration_rival(&h, &at));
	parse(&at, "127.0.0.1", 6);
	cr_assert_eq(registration_rival(&h, &at), registry_server(j.registry, 0));
	(void)strcpy(h.a.id, "8");
	cr_assert_null(registration_rival(&h, &at));
}

/* The server is at 127.0.0.1:5, and another one says to be it. */
static int
judge_rival(void)
{
	parse(&at, "127.0.0.2", 5);
	h.retry_after = asked = 0;
	return registration_check_rival(&h, &at);
}

Test(join_judge, a_rival_that_lives_stays_and_is_to_be_told)
{
	struct addr rival;

	registered("127.0.0.1", 10, NULL);
	life = SERVER_LIVES;
	refused(judge_rival(), PACKET_DENIED,
		"id in use: 9 answers at 127.0.0.1:5, and this is 127.0.0.2:5", NULL);
	cr_assert_eq(h.retry_after, 0);
	cr_assert(registry_take_rival(j.registry, 0, &rival) && addr_eq(&rival, &at));
}

Test(join_judge, while_that_is_not_known_it_is_asked_back)
{
	struct addr rival;

	registered("127.0.0.1", 10, NULL);
	life = SERVER_ASKED;
	refused(judge_rival(), PACKET_OVERLOADED,
		"id in use: whether it still answers is being looked at", NULL);
	cr_assert_gt(h.retry_after, 0);
	cr_assert_not(registry_take_rival(j.registry, 0, &rival));
}

Test(join_judge, one_that_is_gone_is_replaced)
{
	registered("127.0.0.1", 10, NULL);
	life = SERVER_GONE;
	cr_assert_eq(judge_rival(), 0);
	cr_assert_eq(asked, 1);
}

Test(join_judge, who_cannot_be_asked_or_need_not_is_replaced)
{
	life = SERVER_LIVES;
	cr_assert_eq(judge_rival(), 0, "there is none");
	registered("127.0.0.1", 10, "alpha");
	h.a.lease = 0;
	cr_assert_eq(judge_rival(), 0, "it announces itself once alone");
	h.a.lease = 10;
	guest.incarnation = registry_server(j.registry, 0)->incarnation;
	cr_assert_eq(judge_rival(), 0, "it is the same one, which has moved");
	guest.incarnation = 0;
	(void)strcpy(h.a.sign.keyid, "alpha");
	h.a.sign.epoch = 101;
	cr_assert_eq(judge_rival(), 0, "a later life of it");
	h.a.sign.epoch = 100;
	cr_assert_eq(asked, 0);
	cr_assert_eq(judge_rival(), -1);
	(void)registry_set_admin(j.registry, 0, REGISTRY_DISABLED, 1000);
	cr_assert_eq(judge_rival(), 0, "nobody asks who is disabled");
	(void)registry_set_admin(j.registry, 0, REGISTRY_ENABLED, 1000);
	j.life = NULL;
	cr_assert_eq(judge_rival(), 0, "nobody looks");
}

Test(join_judge, one_without_a_lease_is_replaced)
{
	life = SERVER_LIVES;
	registered("127.0.0.1", 0, NULL);
	cr_assert_eq(judge_rival(), 0);
	cr_assert_eq(asked, 0);
}

/* ---- servers of the proxy's file ---- */

static struct static_conf file_server = {.policy = (char[]){"1"}, .job = (char[]){"upper"}};
static struct conf_section file_section = {.title = (char[]){"9"}, .settings = &file_server};

Test(join_judge, one_of_the_file_is_not_announced_and_does_not_leave)
{
	struct proxy_conf conf = {.policy = {.job = (char[]){""}},
				  .statics = {.section = &file_section, .n = 1}};

	cr_assert_eq(registration_check_static(&h, &at), 0, "no settings, no file");
	j.conf = &conf;
	refused(registration_check_static(&h, &at), PACKET_DENIED,
		"id 9 is configured in the proxy's file", NULL);
	refused(registration_check_static(&h, NULL), PACKET_DENIED,
		"id 9 is configured in the proxy's file", NULL);
	(void)strcpy(h.a.id, "8");
	cr_assert_eq(registration_check_static(&h, &at), 0);
	cr_assert_eq(registration_check_static(&h, NULL), 0);
}

Test(join_judge, the_job_of_one_of_the_file_is_that_of_its_policy)
{
	struct proxy_conf conf = {.policy = {.job = (char[]){""}},
				  .statics = {.section = &file_section, .n = 1}};

	j.conf = &conf;
	(void)strcpy(h.a.id, "8");
	refused(registration_check_job(&h), PACKET_DENIED,
		"its job is sha1: job is set to upper for policy 1", NULL);
	(void)strcpy(h.a.job, "upper");
	cr_assert_eq(registration_check_job(&h), 0);
}

Test(join_judge, a_plain_one_of_the_file_has_no_second_id)
{
	struct packet_announcement a = {.id = "7", .policy = "1"};

	parse(&at, "10.1.0.1", 5);
	cr_assert_eq(registry_configure(j.registry, &a, &at, 1), REGISTRY_JOINED);
	refused(registration_check_static(&h, &at), PACKET_DENIED,
		"this address is that of server 7, which is configured in the proxy's file", NULL);
	h.a.keepalive = true;
	cr_assert_eq(registration_check_static(&h, &at), 0, "it takes several connections");
	h.a.keepalive = false;
	addr_set_port(&at, 6);
	cr_assert_eq(registration_check_static(&h, &at), 0);
}
